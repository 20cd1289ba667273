// Turns snapshots into the events a model sends.
import * as abi from './abi.js'
import { blockStats, type Loaded, type Snapshot, StatsView, statsOf } from './snapshot.js'
import type { ModelEvents, Progress } from './types.js'

const MEMORY_MS = 100

export class EventHub {
  /** Set by the model once it is loaded. */
  onSnapshot: (snapshot: Snapshot) => void = () => {}
  readonly #listeners = new Map<string, Set<(value: never) => void>>()
  #before: Snapshot | undefined
  #lastMemory = 0
  #memory = ''
  #weightsDone = false

  on<E extends keyof ModelEvents>(event: E, listener: (value: ModelEvents[E]) => void): () => void {
    const set = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, set)
    set.add(listener)
    return () => set.delete(listener)
  }

  onProgress(progress: Progress): void {
    this.#emit('progress', progress)
  }

  /** now: however lately memory was told of. */
  tell(snapshot: Snapshot, loaded: Loaded, now = false): void {
    this.#tellBlocks(snapshot, loaded)
    this.#tellMemory(snapshot, loaded, now)
    this.#tellWeights(snapshot, loaded)
    this.#before = snapshot
  }

  #tellBlocks(snapshot: Snapshot, loaded: Loaded): void {
    if (!this.#has('block')) return
    const before = this.#before?.blocks
    for (const block of blockStats(snapshot, loaded)) {
      if (snapshot.blocks[block.index] !== before?.[block.index]) this.#emit('block', block)
    }
  }

  #tellMemory(snapshot: Snapshot, loaded: Loaded, now: boolean): void {
    if (!this.#has('memory')) return
    if (!now && performance.now() - this.#lastMemory < MEMORY_MS) return
    const { memory } = statsOf(snapshot, loaded)
    const text = JSON.stringify(memory)
    if (text === this.#memory) return
    this.#memory = text
    this.#lastMemory = performance.now()
    this.#emit('memory', memory)
  }

  /** Weights are read for the first time by the first pass over the blocks. */
  #tellWeights(snapshot: Snapshot, { plan }: Loaded): void {
    if (this.#weightsDone) return
    const view = new StatsView(snapshot)
    const total = plan.fileBytes - plan.headerBytes
    const read = view.get(abi.Stats.bytes_read) - view.get(abi.Stats.header_bytes_read)
    if (read === 0) return
    this.#weightsDone = snapshot.weightsRead
    const loaded = this.#weightsDone ? total : Math.min(read, total)
    this.#emit('progress', { stage: 'weights', loaded, total })
  }

  #has(event: keyof ModelEvents): boolean {
    return (this.#listeners.get(event)?.size ?? 0) > 0
  }

  #emit<E extends keyof ModelEvents>(event: E, value: ModelEvents[E]): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        ;(listener as (value: ModelEvents[E]) => void)(value)
      } catch (error) {
        // The listener's own problem: reported as uncaught, but not to whoever generates.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
