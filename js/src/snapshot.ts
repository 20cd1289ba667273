// What the engine's thread tells about itself after a step, and what stats() makes of it. The snapshot is small and
// flat, because a worker sends one with every token.
import * as abi from './abi.js'
import { type Engine, wholeNumber } from './engine.js'
import type { KnownKernels } from './kernels-choice.js'
import { tierOf } from './kernels-probe.js'
import type { BlockState, BlockStats, Plan, Purpose, Stats } from './types.js'

export interface Snapshot {
  /** A copy of the engine's TinyAIStats. */
  stats: Uint8Array
  /** For each block: its state, and BLOCK_PINNED. */
  blocks: Uint8Array
  requests: number
  fetchedBytes: number
  jsBytes: number
  jsPeakBytes: number
  stalledMs: number
  promptMs: number
  generateMs: number
  seed: number
  /** Whether every weight was read once: by the first pass that came to its end. */
  weightsRead: boolean
  grown: boolean
}

/** What does not change with every step. */
export interface Loaded {
  /** As of loading, or of the last new budget. */
  plan: Plan
  name: string
  wasmBytes: number
  blockBytes: number[]
  variant: 'worker' | 'inline'
  /** Name of the WebAssembly module. */
  module: string
  kernelsReason: string
  /** For the next model; undefined if the kernels were asked for. */
  known: KnownKernels | undefined
  threadsReason: string | null
}

const BLOCK_PINNED = 4
const BLOCK_STATES: Record<number, BlockState> = {
  [abi.BLOCK_ABSENT]: 'absent',
  [abi.BLOCK_LOADING]: 'loading',
  [abi.BLOCK_RESIDENT]: 'resident',
}

export function blockState(state: number): BlockState {
  return BLOCK_STATES[state] ?? 'absent'
}

/** The buffers of a snapshot: taken before a change that must not fail when they cannot be had. */
export type SnapshotRoom = Pick<Snapshot, 'stats' | 'blocks'>

export function snapshotRoom(blocks: number): SnapshotRoom {
  return { stats: new Uint8Array(abi.Stats.size), blocks: new Uint8Array(blocks) }
}

/** The states of all blocks now. With every token: what does not change is not read. */
export function readStates(engine: Engine, states: Uint8Array): void {
  const base = engine.address(abi.Exchange.block)
  const { state, pinned } = abi.BlockInfo
  for (let index = 0; index < states.length; index++) {
    engine.wasm.tinyai_js_block(index)
    states[index] = engine.get(state, base) | (engine.get(pinned, base) ? BLOCK_PINNED : 0)
  }
}

export function readBlockBytes(engine: Engine, count: number): number[] {
  const base = engine.address(abi.Exchange.block)
  return Array.from({ length: count }, (_, index) => {
    engine.wasm.tinyai_js_block(index)
    return engine.get(abi.BlockInfo.bytes, base)
  })
}

/** The engine's statistics, out of a snapshot's copy of them. */
export class StatsView {
  readonly #view: DataView

  constructor({ stats }: Snapshot) {
    this.#view = new DataView(stats.buffer, stats.byteOffset, stats.byteLength)
  }

  get(field: { at: number; type: 'u32' | 'u64' }, index = 0): number {
    if (field.type === 'u32') return this.#view.getUint32(field.at, true)
    return wholeNumber(this.#view, field.at + 8 * index)
  }

  /** 16 hex digits of a u64. */
  hex(field: { at: number }): string {
    return this.#view.getBigUint64(field.at, true).toString(16).padStart(16, '0')
  }
}

export function blockStats(snapshot: Snapshot, { blockBytes }: Loaded): BlockStats[] {
  return blockBytes.map((bytes, index) => {
    const state = snapshot.blocks[index] ?? abi.BLOCK_ABSENT
    return {
      index,
      state: blockState(state & ~BLOCK_PINNED),
      bytes,
      pinned: (state & BLOCK_PINNED) !== 0,
    }
  })
}

export function statsOf(snapshot: Snapshot, loaded: Loaded): Stats {
  const view = new StatsView(snapshot)
  const f = abi.Stats
  const current = view.get(f.current_bytes)
  const byPurpose = Object.fromEntries(
    abi.PURPOSES.map((name, i) => [name, view.get(f.by_purpose, i)]),
  ) as Record<Purpose, number>
  return {
    memory: {
      budgetBytes: view.get(f.budget_bytes),
      maxBudgetBytes: view.get(f.max_budget_bytes),
      plannedPeakBytes: view.get(f.planned_peak_bytes),
      currentBytes: current,
      peakBytes: view.get(f.peak_bytes),
      totalAllocatedBytes: view.get(f.total_allocated_bytes),
      allocationCount: view.get(f.allocation_count),
      fragmentation: current === 0 ? 0 : view.get(f.padding_bytes) / current,
      byPurpose,
      jsBytes: snapshot.jsBytes,
      jsPeakBytes: snapshot.jsPeakBytes,
      wasmBytes: loaded.wasmBytes,
      grown: snapshot.grown ? 1 : 0,
    },
    stream: {
      bytesRead: view.get(f.bytes_read),
      fetchedBytes: snapshot.fetchedBytes,
      requests: snapshot.requests,
      hits: view.get(f.hits),
      misses: view.get(f.misses),
      prefetched: view.get(f.prefetched),
      stalledMs: snapshot.stalledMs,
      retries: 0,
      passes: view.get(f.passes),
    },
    blocks: blockStats(snapshot, loaded),
    speed: {
      promptTokens: view.get(f.prompt_tokens),
      promptMs: snapshot.promptMs,
      generatedTokens: view.get(f.generated_tokens),
      generateMs: snapshot.generateMs,
    },
    engine: {
      kernels: tierOf(view.get(f.kernels)),
      kernelsReason: loaded.kernelsReason,
      module: loaded.module,
      mode: loaded.plan.mode,
      threads: view.get(f.threads),
      threadsReason: loaded.threadsReason,
      variant: loaded.variant,
      logitsHash: view.hex(f.logits_hash),
      seed: snapshot.seed,
      version: abi.VERSION,
    },
  }
}
