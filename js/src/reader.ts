// Reads the ranges the engine wants, straight to where it wants them, and tells it when they are there.
//
// A taken range belongs to the reader until it is answered with complete or cancelled, and is answered only when nothing
// can write to its destination any more: the engine may then use that memory for something else.
import * as abi from './abi.js'
import type { ByteSource, Part } from './byte-source.js'
import type { Engine } from './engine.js'
import { isAbort, isNoMemory, messageOf, noMemory, TinyAIError, throwIfAborted } from './errors.js'

/** Reads under way at a time: enough to hide a server's delay, few enough to bound the buffers they need. */
const MOST_IN_FLIGHT = 4
/** Ranges this close are cheaper to read together, gap included, where each read is a request. */
const MERGE_GAP_BYTES = 32 << 10
const MERGED_READ_BYTES = 1 << 20

interface Range {
  id: number
  demand: boolean
  offset: number
  length: number
  dest: number
}

export class Reader {
  /** The last failure of a read, which the engine knows only as a status. */
  failure: TinyAIError | undefined
  /** Called when a read was answered, also while nothing waits for it. */
  onAnswer: (() => void) | undefined
  readonly #engine: Engine
  readonly #source: ByteSource
  #waiting: Range[] = []
  #flights = new Set<Promise<void>>()
  #cancel = new AbortController()
  readonly #wakes = new Set<() => void>()
  /** Nothing more is taken from the engine. */
  #draining = false

  constructor(engine: Engine, source: ByteSource) {
    this.#engine = engine
    this.#source = source
  }

  get busy(): boolean {
    return this.#flights.size > 0
  }

  /** Takes what the engine wants, and starts as many reads as may be under way. */
  pump(): void {
    while (this.#flights.size < MOST_IN_FLIGHT) {
      if (!this.#draining) this.#take()
      const ranges = this.#next()
      if (ranges.length === 0) return
      const flight = this.#read(ranges).finally(() => {
        this.#flights.delete(flight)
        for (const wake of this.#wakes) wake()
        this.onAnswer?.()
      })
      this.#flights.add(flight)
    }
  }

  /** Resolves when a read has been answered, or the signal is aborted. */
  async wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    await new Promise<void>((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake)
        this.#wakes.delete(wake)
        resolve()
      }
      signal.addEventListener('abort', wake)
      this.#wakes.add(wake)
    })
  }

  /** Resolves when all that was taken has been answered; nothing else is taken meanwhile. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true
    try {
      for (this.pump(); this.busy && !signal.aborted; this.pump()) await this.wait(signal)
    } finally {
      this.#draining = false
    }
    throwIfAborted(signal)
  }

  /** Gives up all reads; resolves when nothing is written any more. */
  async cancelAll(): Promise<void> {
    this.#take()
    for (const { id } of this.#waiting.splice(0)) this.#engine.wasm.tinyai_js_cancelled(id)
    this.#cancel.abort()
    await Promise.all(this.#flights)
    this.#cancel = new AbortController()
  }

  #take(): void {
    const { wasm } = this.#engine
    for (let count: number = abi.EXCHANGE_RANGES; count === abi.EXCHANGE_RANGES; ) {
      count = wasm.tinyai_js_take_ranges() >>> 0
      for (let i = 0; i < count; i++) this.#waiting.push(this.#range(i))
    }
  }

  #range(index: number): Range {
    const base = this.#engine.address(abi.Exchange.ranges, abi.Range, index)
    const get = (field: { at: number; type: 'u32' | 'u64' }) => this.#engine.get(field, base)
    return {
      id: get(abi.Range.id),
      demand: (get(abi.Range.flags) & abi.RANGE_DEMAND) !== 0,
      offset: get(abi.Range.offset),
      length: get(abi.Range.length),
      dest: get(abi.Range.dest),
    }
  }

  /** The most urgent waiting range, and its near neighbours in the file if that saves requests. */
  #next(): Range[] {
    const first = this.#waiting.find((range) => range.demand) ?? this.#waiting[0]
    if (!first) return []
    const chosen = [first]
    if (this.#source.mergeReads) {
      const rest = this.#waiting.filter((range) => range.offset > first.offset)
      rest.sort((a, b) => a.offset - b.offset)
      let end = first.offset + first.length
      for (const range of rest) {
        const newEnd = range.offset + range.length
        if (range.offset < end || range.offset - end > MERGE_GAP_BYTES) break
        if (newEnd - first.offset > MERGED_READ_BYTES) break
        chosen.push(range)
        end = newEnd
      }
    }
    this.#waiting = this.#waiting.filter((range) => !chosen.includes(range))
    return chosen
  }

  async #read(ranges: readonly Range[]): Promise<void> {
    const { bytes, wasm } = this.#engine
    try {
      const parts: Part[] = ranges.map(({ offset, length, dest }) => ({
        offset,
        into: bytes.subarray(dest, dest + length),
      }))
      await this.#source.read(parts, this.#cancel.signal)
    } catch (error) {
      if (isAbort(error) && this.#cancel.signal.aborted) {
        for (const { id } of ranges) wasm.tinyai_js_cancelled(id)
      } else {
        this.failure = asFailure(error, this.#source.name)
        for (const { id } of ranges) wasm.tinyai_js_complete(id, this.failure.status, 0)
      }
      return
    }
    for (const { id, length } of ranges) wasm.tinyai_js_complete(id, abi.STATUS.OK, length)
  }
}

function asFailure(error: unknown, name: string): TinyAIError {
  if (error instanceof TinyAIError) return error
  if (isNoMemory(error)) return noMemory(error, name)
  return new TinyAIError('E_IO', messageOf(error), { cause: error })
}
