// The plan and the statistics for people, as the native command prints them.
import { PURPOSES } from '../abi.js'
import { formatSize } from '../size.js'
import type { BlockStats, Plan, Purpose, Stats } from '../types.js'
import { perSecond } from './terminal.js'

const MEANINGS: Record<Purpose, string> = {
  program: 'static data and stack of the program',
  engine: 'state of the engine and directory of the file',
  threads: 'stacks of the threads that help computing',
  tokenizer: 'vocabulary',
  weights: 'block slots: pinned and streaming',
  head: 'output head, resident and streaming strips, and final norm',
  embedding: 'embedding matrix when resident, and rows in flight',
  kv: 'keys and values of the context',
  activations: 'activations, attention scores, tokenizer and sampler scratch',
  text: 'prompt, token history, logits and text on its way out',
  header: 'file header while it is parsed',
}

function bytesLine(name: string, bytes: number, remark = ''): string {
  const line = `  ${name.padEnd(16)} ${String(bytes).padStart(13)}  ${formatSize(bytes).padStart(9)}  ${remark}`
  return line.trimEnd()
}

function byPurpose(bytes: Record<Purpose, number>): string[] {
  const used = PURPOSES.filter((purpose) => bytes[purpose] > 0)
  return used.map((purpose) => bytesLine(purpose, bytes[purpose], MEANINGS[purpose]))
}

export function planReport(plan: Plan): string {
  const lines = [
    plan.fits ? 'plan: it fits' : 'plan: it does NOT fit',
    bytesLine('file', plan.fileBytes),
    bytesLine('budget', plan.budgetBytes),
    bytesLine('smallest budget', plan.minBudget, 'for this context and kv type'),
  ]
  if (plan.residentBytes > 0) {
    lines.push(
      bytesLine('all resident', plan.residentBytes, 'from this budget on nothing is streamed'),
    )
  }
  if (!plan.fits) {
    lines.push(bytesLine('missing', plan.missingBytes, 'raise --memory or lower --context'))
    return `${lines.join('\n')}\n`
  }
  lines.push(
    bytesLine('peak', plan.peakBytes, 'what will be reserved at most'),
    ...reserve(plan),
    bytesLine('per token', plan.streamedBytesPerToken, 'read from the file'),
    'memory by purpose',
    ...byPurpose(plan.byPurpose),
    `layout (mode ${plan.mode})`,
    ...layout(plan),
    `  context ${plan.contextLength} tokens (${plan.longestContext} would fit, the model has ${plan.modelContext})`,
    `  ${plan.promptTokensPerPass} prompt tokens per pass over the weights`,
  )
  return `${lines.join('\n')}\n`
}

/** Where the budget may change later. */
function reserve({ budgetBytes, maxBudgetBytes, reservedBytes, smallestBytes }: Plan): string[] {
  if (maxBudgetBytes === budgetBytes) return []
  const range = `for a budget of ${smallestBytes} to ${maxBudgetBytes} later`
  return [bytesLine('reserved', reservedBytes, range)]
}

function layout(plan: Plan): string[] {
  const { blocks, blockBytes, slots, pinnedBlocks, residentHeadStrips, headStrips } = plan
  return [
    `  ${blocks} blocks of at most ${formatSize(blockBytes)}, ${slots} slots, ${pinnedBlocks} pinned`,
    `  output head: ${residentHeadStrips} of ${headStrips} strips resident; embedding: ${plan.embeddingResident ? 'resident' : 'read by row'}`,
  ]
}

/** What the memory report does not tell; plan: of the same model. */
export function statsReport({ memory, stream, blocks, speed, engine }: Stats, plan: Plan): string {
  const lines = [
    'host',
    bytesLine('wasm memory', memory.wasmBytes, `whole pages; grown ${memory.grown} times`),
    bytesLine('JS buffers', memory.jsPeakBytes, 'outside of it, at most'),
    'stream',
    bytesLine('read', stream.bytesRead, `in ${stream.requests} reads`),
    bytesLine('per token', plan.streamedBytesPerToken, 'planned'),
    `  stalled ${stream.stalledMs.toFixed(0)} ms; ${stream.passes} passes: ${stream.hits} block hits, ${stream.misses} misses, ${stream.prefetched} of them prefetched`,
    `  blocks           ${blocks.map(blockLetter).join('')}  (P pinned, r resident, l loading, . absent)`,
    'speed',
    speedLine('prompt', speed.promptTokens, speed.promptTokens, speed.promptMs),
    // The first token comes out of the prompt's pass.
    speedLine('generated', speed.generatedTokens, speed.generatedTokens - 1, speed.generateMs),
    'engine',
    `  ${engine.kernels} kernels, ${engine.threads} thread${engine.threads === 1 ? '' : 's'}, ${engine.variant}, mode ${engine.mode}, logits hash ${engine.logitsHash}`,
    `  kernels of ${engine.module}, ${engine.kernelsReason}`,
  ]
  if (engine.threadsReason) lines.push(`  ${engine.threadsReason}`)
  return `${lines.join('\n')}\n`
}

function speedLine(name: string, tokens: number, timed: number, ms: number): string {
  return `  ${name.padEnd(16)} ${tokens} tokens in ${ms.toFixed(0)} ms (${perSecond(timed, ms)} tokens/s)`
}

function blockLetter({ state, pinned }: BlockStats): string {
  if (pinned) return 'P'
  return { absent: '.', loading: 'l', resident: 'r' }[state]
}
