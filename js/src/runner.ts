// Drives the engine: steps of a few milliseconds, reads in between, and a turn of the event loop often enough that
// aborts and messages get through.
import * as abi from './abi.js'
import type { Engine } from './engine.js'
import { Breather } from './environment.js'
import { TinyAIError, throwIfAborted } from './errors.js'
import type { Reader } from './reader.js'

const STEP_MS = 5
/** Some tens of microseconds with fast kernels, some milliseconds with slow ones: a turn between costs less. */
const LEAST_WORK = 1 << 20
const MOST_WORK = 0xffffffff

/**
 * How many multiply-adds make a step of about STEP_MS. A step may be long because other programs had the processor, and
 * dividing it would not help: only two of them in a row count. Some operations take longer for each multiply-add than
 * others, so work grows while steps are short, and not beyond what makes half of STEP_MS.
 */
export class Pace {
  work = 1 << 20
  #starting = true
  #long = false

  /** ms: what a step took that used up its work. */
  measured(ms: number): void {
    const long = ms > STEP_MS
    if (long && this.#long) {
      this.#starting = false
      this.work = Math.max(LEAST_WORK, this.work * Math.max(0.25, STEP_MS / ms))
    } else if (ms < STEP_MS / 2) {
      this.work = Math.min(MOST_WORK, this.work * (this.#starting ? 2 : 1.1))
    }
    this.#long = long
  }
}

export class Runner {
  /** Time without anything to compute because bytes were missing. */
  stalledMs = 0
  /** Called after each step that did not end in an event, and before waiting. */
  onStep: (() => void) | undefined
  readonly #engine: Engine
  readonly #reader: Reader
  readonly #url: string
  readonly #pace = new Pace()
  readonly #breather = new Breather()
  /** While something is done between two steps, and no read may be under way. */
  #quiet: Promise<void> | undefined

  constructor(engine: Engine, reader: Reader, url: string) {
    this.#engine = engine
    this.#reader = reader
    this.#url = url
  }

  /** Steps until there is something to tell: STEP_TOKEN, STEP_LOGITS or STEP_DONE. */
  async next(signal: AbortSignal): Promise<number> {
    for (;;) {
      // Finished reads are noticed only in a turn of the event loop: while some are under way each step has one.
      await this.#breather.breathe(this.#reader.busy)
      while (this.#quiet && !signal.aborted) await endOf(this.#quiet, signal)
      throwIfAborted(signal)
      const result = this.#step()
      this.#reader.pump()
      if (result === abi.STEP_NEED) await this.#stall(signal)
      else if (result !== abi.STEP_READY) return result
      this.onStep?.()
    }
  }

  /** Does something between two steps, once no read is under way. One at a time. */
  async quietly<T>(what: () => T, signal: AbortSignal): Promise<T> {
    this.#quiet = this.#reader.drain(signal)
    try {
      await this.#quiet
      return what() // before anything else that waits for the same goes on
    } finally {
      this.#quiet = undefined
    }
  }

  /** Ends what runs; the model can be used again when this resolves. */
  async end(): Promise<void> {
    this.#engine.wasm.tinyai_js_end()
    await this.#reader.cancelAll()
  }

  #step(): number {
    const start = performance.now()
    const result = this.#engine.wasm.tinyai_js_step(Math.round(this.#pace.work))
    if (result < 0) {
      const { failure } = this.#reader
      if (failure?.status === result) throw failure
      this.#engine.check(result, this.#url)
    }
    if (result === abi.STEP_READY) this.#pace.measured(performance.now() - start)
    return result
  }

  async #stall(signal: AbortSignal): Promise<void> {
    if (!this.#reader.busy) {
      // Everything that was wanted has been answered within pump(): nothing could wake us.
      throw new TinyAIError(
        'E_INTERNAL',
        `${this.#url}: the engine waits for a range it did not ask for`,
      )
    }
    const start = performance.now()
    this.onStep?.()
    await this.#reader.wait(signal)
    this.#breather.breathed()
    this.stalledMs += performance.now() - start
  }
}

/** Resolves when the promise has ended, however, or the signal is aborted. */
async function endOf(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  let onAbort = () => {}
  const aborted = new Promise<void>((resolve) => {
    onAbort = resolve
    signal.addEventListener('abort', onAbort)
  })
  await Promise.race([promise.catch(() => {}), aborted])
  signal.removeEventListener('abort', onAbort)
}
