// Checks the caller's options: each wrong value is named, with what is allowed. What comes out can go to a worker.
import * as abi from './abi.js'
import { isPhone } from './environment.js'
import { TinyAIError } from './errors.js'
import { parseSize } from './size.js'
import type {
  GenerateOptions,
  Kernels,
  KvType,
  LoadOptions,
  Mode,
  Size,
  TokenizeOptions,
} from './types.js'

const MB = 1024 ** 2
const PHONE_BUDGET = 256 * MB

/** What the engine is told; undefined: its own default. */
export interface EngineOptions {
  memoryBudget: number | undefined
  defaultBudget: number | undefined
  maxMemoryBudget: number | undefined
  contextLength: number | undefined
  kv: KvType | undefined
  kernels: Kernels
  prefetch: boolean | undefined
  mode: Mode | undefined
  readChunkBytes: number | undefined
  threads: number | undefined
}

export interface GenerateSettings {
  maxTokens: number
  temperature: number | undefined
  topK: number | undefined
  topP: number | undefined
  minP: number | undefined
  repeatPenalty: number | undefined
  repeatLastN: number | undefined
  seed: number
  stop: string[]
  ignoreEos: boolean
  addSpecial: boolean
  parseSpecial: boolean
}

const TOKENIZE_NAMES = ['addSpecial', 'parseSpecial', 'signal']
const GENERATE_NAMES = [
  ...TOKENIZE_NAMES,
  ...['maxTokens', 'temperature', 'topK', 'topP', 'minP', 'repeatPenalty', 'repeatLastN', 'seed'],
  ...['stop', 'ignoreEos'],
]
const LOAD_NAMES = [
  ...['memoryBudget', 'maxMemoryBudget', 'contextLength', 'kv', 'kernels', 'threads', 'cache'],
  ...['mode', 'prefetch', 'readChunkBytes', 'worker', 'wasmUrl', 'wasmBytes', 'signal'],
  ...['onProgress'],
]
/** Named by the design, of later versions. */
const LATER_NAMES = ['sha256']
const KERNELS: readonly Kernels[] = ['auto', 'scalar', 'simd128', 'relaxed16', 'relaxed32']
const MODES: readonly Mode[] = ['normal', 'memory-opt', 'streaming', 'adaptive']

export function checkLoadOptions(options: LoadOptions): EngineOptions {
  checkNames(options, LOAD_NAMES)
  bool('worker', options.worker)
  checkWasm(options)
  checkSignal(options.signal)
  if (options.onProgress !== undefined && typeof options.onProgress !== 'function') {
    throw wrong('onProgress', options.onProgress, 'a function')
  }
  choice('cache', options.cache, ['auto', 'none'], [options.cache as string])
  const memoryBudget = size('memoryBudget', options.memoryBudget, 1, abi.MAX_BUDGET)
  const most = size('maxMemoryBudget', options.maxMemoryBudget, 1, abi.MAX_BUDGET)
  if (most !== undefined && memoryBudget !== undefined && most < memoryBudget) {
    throw wrong(
      'maxMemoryBudget',
      options.maxMemoryBudget,
      `at least memoryBudget, ${memoryBudget} bytes`,
    )
  }
  return {
    memoryBudget,
    defaultBudget: defaultBudget(most),
    maxMemoryBudget: most,
    contextLength: whole('contextLength', options.contextLength, 1, 2 ** 31),
    kv: choice('kv', options.kv, ['f32', 'f16', 'q8'], []),
    kernels: choice('kernels', options.kernels, KERNELS, []) ?? 'auto',
    prefetch: bool('prefetch', options.prefetch),
    mode: choice('mode', options.mode, MODES, []),
    readChunkBytes: size('readChunkBytes', options.readChunkBytes, 4096, 64 * MB),
    threads: whole('threads', options.threads, 1, abi.MAX_THREADS),
  }
}

/** Where no budget is given, it is at most what memory may be reserved for; undefined: the engine's default. */
function defaultBudget(most: number | undefined): number | undefined {
  const usual = isPhone() ? PHONE_BUDGET : abi.DEFAULT_BUDGET
  const least = Math.min(usual, most ?? usual)
  return least === abi.DEFAULT_BUDGET ? undefined : least
}

export function checkBudget(bytes: Size): number {
  const checked = size('the budget', bytes, 1, abi.MAX_BUDGET)
  if (checked === undefined) throw wrong('the budget', bytes, 'a number of bytes')
  return checked
}

export function checkReportOptions(options: { format?: unknown }): 'text' | 'json' {
  checkNames(options, ['format'])
  return choice('format', options.format, ['text', 'json'], []) ?? 'text'
}

export function checkTokenizeOptions(options: TokenizeOptions): {
  addSpecial: boolean
  parseSpecial: boolean
} {
  checkNames(options, TOKENIZE_NAMES)
  checkSignal(options.signal)
  return {
    addSpecial: bool('addSpecial', options.addSpecial) ?? true,
    parseSpecial: bool('parseSpecial', options.parseSpecial) ?? true,
  }
}

export function checkGenerateOptions(options: GenerateOptions): GenerateSettings {
  checkNames(options, GENERATE_NAMES)
  checkSignal(options.signal)
  return {
    maxTokens: whole('maxTokens', options.maxTokens, 1, 2 ** 31) ?? 0,
    temperature: real('temperature', options.temperature, 0, 100),
    topK: whole('topK', options.topK, 0, 2 ** 32 - 1),
    topP: real('topP', options.topP, 0, 1),
    minP: real('minP', options.minP, 0, 1),
    repeatPenalty: real('repeatPenalty', options.repeatPenalty, 0.01, 100),
    repeatLastN: whole('repeatLastN', options.repeatLastN, 0, 2 ** 32 - 1),
    seed: whole('seed', options.seed, 0, Number.MAX_SAFE_INTEGER) ?? randomSeed(),
    stop: stops(options.stop),
    ignoreEos: bool('ignoreEos', options.ignoreEos) ?? false,
    addSpecial: bool('addSpecial', options.addSpecial) ?? true,
    parseSpecial: bool('parseSpecial', options.parseSpecial) ?? true,
  }
}

export function checkSignalOption(options: { signal?: AbortSignal }): void {
  checkNames(options, ['signal'])
  checkSignal(options.signal)
}

/** Token ids as an array; whether the vocabulary has them the engine knows. */
export function checkIds(name: string, ids: ArrayLike<number>, least: number): number[] {
  const list = typeof ids === 'object' && ids !== null ? Array.from(ids) : []
  if (list.length < least || !list.every((id) => Number.isInteger(id) && id >= 0 && id < 2 ** 32)) {
    throw wrong(name, ids, `${least ? 'a non-empty' : 'an'} array of token ids`)
  }
  return list
}

export function checkText(name: string, text: unknown): string {
  if (typeof text === 'string') return text
  throw wrong(name, text, 'a string')
}

function randomSeed(): number {
  return Math.floor(Math.random() * 2 ** 32)
}

// ---- single values -------------------------------------------------------------------------------

function checkNames(options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw wrong('options', options, 'an object')
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || known.includes(name)) continue
    if (LATER_NAMES.includes(name)) {
      throw new TinyAIError('E_UNSUPPORTED', `option ${name} is not supported yet; leave it out`)
    }
    const message = `there is no option ${name} here; known are ${known.join(', ')}`
    throw new TinyAIError('E_ARGUMENT', message)
  }
}

function checkSignal(signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return
  throw wrong('signal', signal, 'an AbortSignal')
}

function checkWasm({ wasmUrl, wasmBytes }: LoadOptions): void {
  if (wasmUrl !== undefined && typeof wasmUrl !== 'string' && !(wasmUrl instanceof URL)) {
    throw wrong('wasmUrl', wasmUrl, 'a string or URL')
  }
  if (
    wasmBytes !== undefined &&
    !(wasmBytes instanceof Uint8Array) &&
    !(wasmBytes instanceof ArrayBuffer)
  ) {
    throw wrong('wasmBytes', wasmBytes, 'a Uint8Array or ArrayBuffer')
  }
}

function size(name: string, value: unknown, least: number, most: number): number | undefined {
  if (value === undefined) return undefined
  const bytes = typeof value === 'string' ? parseSize(value) : value
  if (typeof bytes === 'number' && Number.isInteger(bytes) && bytes >= least && bytes <= most)
    return bytes
  throw wrong(name, value, `a number of bytes from ${least} to ${most}, or a text such as '256MB'`)
}

function whole(name: string, value: unknown, least: number, most: number): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most)
    return value
  throw wrong(name, value, `a whole number from ${least} to ${most}`)
}

function real(name: string, value: unknown, least: number, most: number): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && value >= least && value <= most) return value
  throw wrong(name, value, `a number from ${least} to ${most}`)
}

function bool(name: string, value: unknown): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value
  throw wrong(name, value, 'true or false')
}

function choice<T extends string>(
  name: string,
  value: unknown,
  allowed: readonly T[],
  later: readonly string[],
): T | undefined {
  if (value === undefined) return undefined
  if (allowed.includes(value as T)) return value as T
  const list = allowed.map((one) => `'${one}'`).join(', ')
  throw later.includes(value as string) ? unsupported(name, value, list) : wrong(name, value, list)
}

function stops(value: unknown): string[] {
  if (value === undefined) return []
  const list = typeof value === 'string' ? [value] : value
  const bytes = new TextEncoder()
  const good =
    Array.isArray(list) &&
    list.length <= 16 &&
    list.every((stop) => typeof stop === 'string' && stop !== '' && !stop.includes('\0')) &&
    list.reduce((sum, stop) => sum + bytes.encode(stop).length + 1, 0) <= 1024
  if (good) return list as string[]
  throw wrong('stop', value, 'at most 16 non-empty strings without NUL, 1024 bytes together')
}

function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'an array' : 'an object'
  return String(value)
}

function wrong(name: string, value: unknown, allowed: string): TinyAIError {
  return new TinyAIError('E_ARGUMENT', `${name} is ${show(value)}: it must be ${allowed}`)
}

function unsupported(name: string, value: unknown, supported: string): TinyAIError {
  const message = `${name} ${show(value)} is not supported yet; supported: ${supported}`
  return new TinyAIError('E_UNSUPPORTED', message)
}
