// The plan of a model: options in, plan out, and the error of one that does not fit.
import * as abi from './abi.js'
import type { ByteSource } from './byte-source.js'
import type { Engine } from './engine.js'
import { TinyAIError } from './errors.js'
import { readHeader } from './header.js'
import { TIERS } from './kernels-probe.js'
import type { EngineOptions } from './options.js'
import { formatSize } from './size.js'
import type { ThreadsChoice } from './threads.js'
import type { Traffic } from './traffic.js'
import type { Mode, Plan, Progress, Purpose } from './types.js'

/** A longer header is read a second time for loading rather than kept. */
const KEPT_HEADER_BYTES = 4 << 20

export interface Planned {
  plan: Plan
  /** The first plan.headerBytes of the file, unless there are too many of them. */
  header: Uint8Array | undefined
}

export async function planModel(
  module: WebAssembly.Module,
  source: ByteSource,
  options: EngineOptions,
  threads: ThreadsChoice,
  traffic: Traffic,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Planned> {
  let smallest: number | undefined
  const { engine, header } = await readHeader(
    module,
    source,
    onProgress,
    signal,
    (engine, bytes) => {
      const planFor = (threads: number, contextLength = options.contextLength) => {
        putOptions(engine, { ...options, contextLength, threads }, source.size)
        return engine.wasm.tinyai_js_plan(bytes.byteOffset, bytes.length, engine.memoryBytes)
      }
      const several = threads.byDefault && threads.threads > 1
      const status = planFor(several ? 1 : threads.threads)
      if (!several || status !== abi.STATUS.OK) return status
      const alone = readPlan(engine)
      smallest = alone.minBudget // nobody asked for more threads
      if (!alone.fits) return status
      // More threads may not cost context.
      const together = planFor(threads.threads, alone.contextLength)
      return together === abi.STATUS.OK && readPlan(engine).fits ? together : planFor(1)
    },
  )
  const plan = readPlan(engine)
  plan.minBudget = smallest ?? plan.minBudget
  if (plan.headerBytes > KEPT_HEADER_BYTES) return { plan, header: undefined }
  traffic.hold(plan.headerBytes)
  return { plan, header: header.slice(0, plan.headerBytes) }
}

export function putOptions(engine: Engine, options: EngineOptions, fileBytes: number): void {
  const base = engine.address(abi.Exchange.options)
  const set = (field: { at: number; type: 'u32' | 'u64' }, value: number | undefined) => {
    if (value !== undefined) engine.set(field, value, base)
  }
  engine.set(abi.Exchange.file_bytes, fileBytes)
  set(abi.Options.memory_budget, options.memoryBudget)
  set(abi.Options.default_budget, options.defaultBudget)
  set(abi.Options.max_memory_budget, options.maxMemoryBudget)
  set(abi.Options.context_length, options.contextLength)
  set(abi.Options.kv_type, options.kv === undefined ? undefined : KV_TYPES[options.kv])
  set(abi.Options.kernels, options.kernels === 'auto' ? abi.KERNELS_AUTO : TIERS[options.kernels])
  set(abi.Options.prefetch, options.prefetch === undefined ? undefined : Number(options.prefetch))
  set(abi.Options.read_chunk_bytes, options.readChunkBytes)
  set(abi.Options.threads, options.threads)
  set(abi.Options.mode, options.mode === undefined ? undefined : MODES[options.mode])
}

const KV_TYPES = { f32: abi.KV_F32, f16: abi.KV_F16, q8: abi.KV_Q8 }

const MODES: Record<Mode, number> = {
  normal: abi.EXEC_NORMAL,
  'memory-opt': abi.EXEC_MEMORY_OPT,
  streaming: abi.EXEC_STREAMING,
  adaptive: abi.EXEC_ADAPTIVE,
}

function modeOf(number: number): Mode {
  const names = Object.keys(MODES) as Mode[]
  return names.find((name) => MODES[name] === number) ?? 'adaptive'
}

export function readPlan(engine: Engine): Plan {
  const base = engine.address(abi.Exchange.plan)
  const get = (field: { at: number; type: 'u32' | 'u64' }) => engine.get(field, base)
  const fields = abi.Plan
  const byPurpose = Object.fromEntries(
    abi.PURPOSES.map((name, i) => [name, engine.get(fields.by_purpose, base, i)]),
  ) as Record<Purpose, number>
  return {
    fits: get(fields.fits) === 1,
    threads: get(fields.threads),
    budgetBytes: get(fields.budget_bytes),
    minBudget: get(fields.min_budget_bytes),
    residentBytes: get(fields.resident_bytes),
    peakBytes: get(fields.peak_bytes),
    reservedBytes: get(fields.reserved_bytes),
    maxBudgetBytes: get(fields.max_budget_bytes),
    smallestBytes: get(fields.smallest_bytes),
    openBytes: get(fields.open_bytes),
    missingBytes: get(fields.missing_bytes),
    mode: modeOf(get(fields.mode)),
    byPurpose,
    blocks: get(fields.blocks),
    slots: get(fields.slots),
    pinnedBlocks: get(fields.pinned_blocks),
    blockBytes: get(fields.block_bytes),
    promptTokensPerPass: get(fields.prompt_tokens_per_pass),
    streamedBytesPerToken: get(fields.streamed_bytes_per_token),
    contextLength: get(fields.context_length),
    longestContext: get(fields.longest_context),
    modelContext: get(fields.model_context),
    vocabSize: get(fields.vocab_size),
    headStrips: get(fields.head_strips),
    residentHeadStrips: get(fields.resident_head_strips),
    embeddingResident: get(fields.embedding_resident) === 1,
    fileBytes: get(fields.file_bytes),
    headerBytes: get(fields.header_bytes),
    planningBytes: get(fields.planning_bytes),
  }
}

/** The error of a plan that does not fit: what is asked, allowed and missing, and what would help. */
export function budgetError(plan: Plan, url: string): TinyAIError {
  const { minBudget: asked, budgetBytes: allowed, missingBytes: missing } = plan
  const shorter =
    plan.longestContext > 0 && plan.longestContext < plan.contextLength
      ? `, or contextLength to ${plan.longestContext}`
      : ''
  const message =
    `${url}: a context of ${plan.contextLength} tokens needs at least ${asked} bytes (${formatSize(asked)}), ` +
    `memoryBudget allows ${allowed}: ${missing} are missing. Set memoryBudget to ${asked} or more${shorter}`
  return new TinyAIError('E_BUDGET', message, { url, asked, allowed, missing })
}

/** The error of a budget that the open model cannot move to. */
export function newBudgetError(plan: Plan, budget: number, url: string): TinyAIError {
  const { smallestBytes, maxBudgetBytes } = plan
  if (budget > maxBudgetBytes) {
    const missing = budget - maxBudgetBytes
    const message =
      `${url}: memory is reserved for a budget of at most ${maxBudgetBytes} bytes (${formatSize(maxBudgetBytes)}), ` +
      `${budget} are ${missing} more. Load it with a larger maxMemoryBudget`
    return new TinyAIError('E_BUDGET', message, {
      url,
      ...{ asked: budget, allowed: maxBudgetBytes, missing },
    })
  }
  const missing = smallestBytes - budget
  const message =
    `${url}: with everything streamed that can be, the model needs ${smallestBytes} bytes (${formatSize(smallestBytes)}), ` +
    `a budget of ${budget} misses ${missing}. Loaded with that budget, it would take fewer prompt tokens per pass`
  return new TinyAIError('E_BUDGET', message, {
    url,
    ...{ asked: smallestBytes, allowed: budget, missing },
  })
}
