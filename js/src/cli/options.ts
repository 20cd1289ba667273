// The command line. One table describes every option: it is parsed with, and --help prints it.
import { parseArgs } from 'node:util'
import { version } from '../index.js'
import { parseSize } from '../size.js'
import type { GenerateOptions, Kernels, KvType, LoadOptions, Mode, TensorLayout } from '../types.js'

export type CommandName = 'run' | 'plan' | 'inspect' | 'perplexity' | 'convert'

export interface Request {
  command: CommandName
  /** undefined: the default model. */
  model: string | undefined
  /** run; undefined: from standard input. */
  prompt: string | undefined
  /** convert: the file to write. */
  output: string | undefined
  /** convert: of quantized matrices in TMAI. */
  layout: TensorLayout
  /** perplexity: the text; undefined: from standard input. */
  file: string | undefined
  load: LoadOptions
  generate: GenerateOptions
  json: boolean
  logitsHash: boolean
  report: string | undefined
}

/** Nothing left to do: help or version. */
export interface Answer {
  text: string
  code: number
}

export class UsageError extends Error {}

interface CommandRule {
  operands: string
  /** 0 unless set. */
  least?: number
  most: number
  help: string
}

const COMMANDS: Record<CommandName, CommandRule> = {
  run: {
    operands: '[MODEL] [PROMPT]',
    most: 2,
    help: 'continue a prompt (from standard input if not given)',
  },
  plan: { operands: '[MODEL]', most: 1, help: 'what a model takes, from its header alone' },
  inspect: { operands: '[MODEL]', most: 1, help: 'metadata and tensors of a file' },
  perplexity: { operands: '[MODEL]', most: 1, help: 'how well a model predicts a text' },
  convert: {
    operands: 'INPUT OUTPUT',
    least: 2,
    most: 2,
    help: 'GGUF to TMAI, the native format, and back',
  },
}

type Kind = 'flag' | 'text' | 'size' | 'whole' | 'real' | readonly string[]

interface Rule {
  kind: Kind
  /** How --help shows the value. */
  value?: string
  commands: readonly CommandName[]
  help: string
  /** Of numbers; what else is out of range the package says. */
  least?: number
  most?: number
  set(request: Request, value: never): void
}

const ALL: readonly CommandName[] = ['run', 'plan', 'inspect', 'perplexity', 'convert']
const MODEL: readonly CommandName[] = ['run', 'plan', 'perplexity']
const RUN: readonly CommandName[] = ['run']

const U32 = 2 ** 32 - 1

const RULES: Record<string, Rule> = {
  memory: {
    kind: 'size',
    value: 'SIZE',
    commands: [...MODEL, 'convert'],
    help: 'memory budget: 2MB, 1.5GB, bytes. Default: fully resident, at most 512MB; convert: its header and 1MB',
    set: ({ load }, bytes: number) => (load.memoryBudget = bytes),
  },
  'max-memory': {
    kind: 'size',
    value: 'SIZE',
    commands: MODEL,
    help: 'how far the budget may rise later. Default: as --memory',
    set: ({ load }, bytes: number) => (load.maxMemoryBudget = bytes),
  },
  mode: {
    kind: ['normal', 'memory-opt', 'streaming', 'adaptive'],
    value: 'MODE',
    commands: MODEL,
    help: 'what memory goes to first: normal, memory-opt, streaming, adaptive',
    set: ({ load }, mode: Mode) => (load.mode = mode),
  },
  context: {
    kind: 'whole',
    value: 'N',
    least: 1,
    most: U32,
    commands: MODEL,
    help: "tokens of context. Default: the model's own, at most 4096, lowered until it fits",
    set: ({ load }, tokens: number) => (load.contextLength = tokens),
  },
  kv: {
    kind: ['f32', 'f16', 'q8'],
    value: 'TYPE',
    commands: MODEL,
    help: 'keys and values as f32, f16 or q8',
    set: ({ load }, type: KvType) => (load.kv = type),
  },
  kernels: {
    kind: ['auto', 'scalar', 'simd128', 'relaxed16', 'relaxed32'],
    value: 'KIND',
    commands: MODEL,
    help: 'auto, scalar, simd128, relaxed16 or relaxed32: the result is the same',
    set: ({ load }, kernels: Kernels) => (load.kernels = kernels),
  },
  threads: {
    kind: 'whole',
    value: 'N',
    least: 1,
    most: 16,
    commands: MODEL,
    help: 'threads that compute, 1 to 16. Default: one per processor, at most 8',
    set: ({ load }, threads: number) => (load.threads = threads),
  },
  'read-chunk': {
    kind: 'size',
    value: 'SIZE',
    commands: MODEL,
    help: 'longest single read, 4KB to 64MB',
    set: ({ load }, bytes: number) => (load.readChunkBytes = bytes),
  },
  'no-prefetch': {
    kind: 'flag',
    commands: MODEL,
    help: 'no slot for reading ahead: less memory',
    set: ({ load }) => (load.prefetch = false),
  },
  'no-worker': {
    kind: 'flag',
    commands: ['run', 'plan', 'inspect', 'perplexity'],
    help: 'run the engine in the main thread',
    set: ({ load }) => (load.worker = false),
  },
  'max-tokens': {
    kind: 'whole',
    value: 'N',
    most: U32,
    commands: RUN,
    help: 'tokens to generate. Default 0: until the context is full',
    set: ({ generate }, tokens: number) => {
      if (tokens > 0) generate.maxTokens = tokens
    },
  },
  temperature: {
    kind: 'real',
    value: 'T',
    commands: RUN,
    help: '0 takes the best token',
    set: ({ generate }, value: number) => (generate.temperature = value),
  },
  'top-k': {
    kind: 'whole',
    value: 'K',
    most: U32,
    commands: RUN,
    help: 'only the K best tokens; 0: all',
    set: ({ generate }, value: number) => (generate.topK = value),
  },
  'top-p': {
    kind: 'real',
    value: 'P',
    commands: RUN,
    help: 'only the best tokens that sum to probability P; 1: all',
    set: ({ generate }, value: number) => (generate.topP = value),
  },
  'min-p': {
    kind: 'real',
    value: 'P',
    commands: RUN,
    help: 'only tokens at least P times as probable as the best; 0: all',
    set: ({ generate }, value: number) => (generate.minP = value),
  },
  'repeat-penalty': {
    kind: 'real',
    value: 'X',
    commands: RUN,
    help: 'divides the logits of tokens seen lately; 1: none',
    set: ({ generate }, value: number) => (generate.repeatPenalty = value),
  },
  seed: {
    kind: 'whole',
    value: 'N',
    commands: RUN,
    help: 'same seed, same text on every host. Default: random',
    set: ({ generate }, value: number) => (generate.seed = value),
  },
  stop: {
    kind: 'text',
    value: 'TEXT',
    commands: RUN,
    help: 'ends the text before TEXT; may be given 16 times',
    set: ({ generate }, text: string) => (generate.stop = [...(generate.stop ?? []), text]),
  },
  'ignore-eos': {
    kind: 'flag',
    commands: RUN,
    help: 'go on after the end of the text',
    set: ({ generate }) => (generate.ignoreEos = true),
  },
  file: {
    kind: 'text',
    value: 'TEXT',
    commands: ['perplexity'],
    help: 'the text. Default: standard input',
    set: (request, name: string) => (request.file = name),
  },
  layout: {
    kind: ['rows', 'panels'],
    value: 'LAYOUT',
    commands: ['convert'],
    help: 'quantized matrices in TMAI as panels, ready to compute with, or rows. Default: panels',
    set: (request, layout: TensorLayout) => (request.layout = layout),
  },
  'logits-hash': {
    kind: 'flag',
    commands: RUN,
    help: 'print the hash of all logits',
    set: (request) => (request.logitsHash = true),
  },
  json: {
    kind: 'flag',
    commands: ALL,
    help: 'one JSON object on standard output',
    set: (request) => (request.json = true),
  },
  report: {
    kind: 'text',
    value: 'FILE',
    commands: RUN,
    help: 'write the memory report, as JSON to FILE.json; - for standard output',
    set: (request, name: string) => (request.report = name),
  },
  help: { kind: 'flag', commands: ALL, help: 'this text', set: () => {} },
  version: { kind: 'flag', commands: ALL, help: 'print the version', set: () => {} },
}

export function parseCommandLine(args: string[]): Request | Answer {
  const name = args[0]
  if (name === undefined) return { text: helpText(), code: 2 }
  if (['--help', '-h', 'help'].includes(name)) return { text: helpText(), code: 0 }
  if (name === '--version') return { text: `tinyai ${version}\n`, code: 0 }
  if (!isCommand(name)) throw new UsageError(`unknown command ${name}. See tinyai --help`)
  return parseOptions(name, args.slice(1))
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name)
}

function parseOptions(command: CommandName, args: string[]): Request | Answer {
  const request: Request = {
    command,
    model: undefined,
    prompt: undefined,
    output: undefined,
    layout: 'panels',
    file: undefined,
    load: {},
    generate: {},
    json: false,
    logitsHash: false,
    report: undefined,
  }
  const operands: string[] = []
  for (const token of tokensOf(args)) {
    if (token.kind === 'positional') operands.push(token.value)
    if (token.kind !== 'option') continue
    const { name, rawName, value } = token
    const rule = Object.hasOwn(RULES, name) ? RULES[name] : undefined
    if (!rule?.commands.includes(command)) throw usage(command, `unknown option ${rawName}`)
    if (name === 'help') return { text: commandHelp(command), code: 0 }
    if (name === 'version') return { text: `tinyai ${version}\n`, code: 0 }
    rule.set(request, readValue(command, name, rule.kind, value) as never)
  }
  const extra = operands[COMMANDS[command].most]
  if (extra !== undefined) throw usage(command, `too many arguments: ${extra}`)
  const { least = 0, operands: named } = COMMANDS[command]
  if (operands.length < least) throw usage(command, `too few arguments: it takes ${named}`)
  const second = command === 'convert' ? { output: operands[1] } : { prompt: operands[1] }
  return { ...request, model: operands[0], ...second }
}

/** Not strict: what is wrong we say ourselves, as the native command does. */
function tokensOf(args: string[]) {
  const options = Object.fromEntries(
    Object.entries(RULES).map(([name, { kind }]) => [
      name,
      { type: kind === 'flag' ? ('boolean' as const) : ('string' as const) },
    ]),
  )
  const help = { ...options, help: { type: 'boolean' as const, short: 'h' } }
  return parseArgs({ args, options: help, strict: false, tokens: true }).tokens
}

/** What an option is set to; text that it does not take is a usage error. */
function readValue(
  command: CommandName,
  name: string,
  kind: Kind,
  value: string | undefined,
): unknown {
  const wrong = () => usage(command, `--${name} does not take "${value}"`)
  if (kind === 'flag') {
    if (value !== undefined) throw wrong()
    return true
  }
  if (value === undefined) throw usage(command, `no value for --${name}`)
  if (kind === 'text') {
    if (value === '') throw wrong()
    return value
  }
  if (typeof kind === 'object') {
    if (!kind.includes(value)) throw wrong()
    return value
  }
  const number = kind === 'size' ? parseSize(value) : decimal(value)
  const { least = 0, most = Number.MAX_SAFE_INTEGER } = RULES[name] ?? {}
  if (!(number >= least && number <= most) || (kind !== 'real' && !Number.isInteger(number))) {
    throw wrong()
  }
  return number
}

/** Number() would also take blanks, signs, hexadecimal and "". */
function decimal(text: string): number {
  return /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN
}

function usage(command: CommandName, problem: string): UsageError {
  return new UsageError(`${problem}. See tinyai ${command} --help`)
}

// ---- help ----------------------------------------------------------------------------------------

function helpText(): string {
  const lines = Object.entries(COMMANDS).map(
    ([name, { operands, help }]) => `  tinyai ${name.padEnd(10)} ${operands.padEnd(17)} ${help}`,
  )
  return `TinyAI ${version}: language models inside a hard memory budget

${lines.join('\n')}

MODEL is a GGUF or TMAI file or an http(s) URL of one; without it: $TINYAI_MODEL, or the bundled storyteller.
tinyai COMMAND --help lists the options. Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted.
`
}

function commandHelp(command: CommandName): string {
  const rules = Object.entries(RULES).filter(([, rule]) => rule.commands.includes(command))
  const { operands, help } = COMMANDS[command]
  const lines = rules.map(
    ([name, rule]) => `  ${`--${name} ${rule.value ?? ''}`.padEnd(25)}${rule.help}`,
  )
  return `tinyai ${command} ${operands} [options]: ${help}\n\n${lines.join('\n')}\n`
}
