// What the caller holds: one operation at a time, with its signal, its errors and the events that come of it.
import { abortError, isAbort, TinyAIError, throwIfAborted } from './errors.js'
import type { EventHub } from './events.js'
import type { Host } from './host.js'
import {
  checkBudget,
  checkGenerateOptions,
  checkIds,
  checkReportOptions,
  checkSignalOption,
  checkText,
  checkTokenizeOptions,
  type GenerateSettings,
} from './options.js'
import { type Loaded, type Snapshot, statsOf } from './snapshot.js'
import type {
  GenerateOptions,
  MemoryReport,
  Model,
  ModelEvents,
  Perplexity,
  Piece,
  Plan,
  ScheduleStep,
  Size,
  Stats,
  TokenizeOptions,
} from './types.js'

// Not every host has the symbol yet.
const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')

type SignalOption = { signal?: AbortSignal }

/** An operation that runs: what aborts it, and when it has ended. */
interface Operation {
  abort: AbortController
  ended: Promise<void>
  end(): void
  /** Ends a generation whose caller may never ask for its next piece. */
  leave?(): Promise<unknown>
}

export class LoadedModel implements Model {
  readonly #host: Host
  readonly #events: EventHub
  #loaded: Loaded
  #snapshot: Snapshot
  #operation: Operation | undefined
  /** What runs beside the operation. */
  readonly #beside = new Set<Promise<unknown>>()
  readonly #abortBeside = new AbortController()
  #closing: Promise<void> | undefined

  constructor(host: Host, loaded: Loaded, snapshot: Snapshot, events: EventHub) {
    this.#host = host
    this.#loaded = loaded
    this.#snapshot = snapshot
    this.#events = events
    events.onSnapshot = (next) => {
      this.#snapshot = next
      events.tell(next, this.#loaded)
    }
  }

  get plan(): Plan {
    return this.#loaded.plan
  }

  generate(
    prompt: string | ArrayLike<number>,
    options: GenerateOptions = {},
  ): AsyncIterableIterator<Piece> {
    const settings = checkGenerateOptions(options)
    const start = typeof prompt === 'string' ? prompt : checkIds('prompt', prompt, 1)
    return this.#generate(start, settings, options.signal)
  }

  async *#generate(
    prompt: string | number[],
    settings: GenerateSettings,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Piece, void, void> {
    const operation = this.#begin(signal)
    const pieces = this.#host.generate(prompt, settings, operation.abort.signal)
    operation.leave = () => pieces.return()
    try {
      yield* pieces
      if (this.#closing) throw closed()
    } catch (error) {
      throw this.#errorOf(error)
    } finally {
      operation.end()
    }
  }

  async tokenize(text: string, options: TokenizeOptions = {}): Promise<number[]> {
    const flags = checkTokenizeOptions(options)
    checkText('text', text)
    return await this.#run(options.signal, (signal) =>
      this.#host.call('tokenize', [text, flags], signal),
    )
  }

  async detokenize(ids: ArrayLike<number>, options: SignalOption = {}): Promise<string> {
    checkSignalOption(options)
    const list = checkIds('ids', ids, 0)
    return await this.#run(options.signal, (signal) =>
      this.#host.call('detokenize', [list], signal),
    )
  }

  async logits(ids: ArrayLike<number>, options: SignalOption = {}): Promise<Float32Array> {
    checkSignalOption(options)
    const list = checkIds('ids', ids, 1)
    return await this.#run(options.signal, (signal) => this.#host.call('logits', [list], signal))
  }

  async perplexity(text: string, options: SignalOption = {}): Promise<Perplexity> {
    checkSignalOption(options)
    checkText('text', text)
    return await this.#run(options.signal, (signal) =>
      this.#host.call('perplexity', [text], signal),
    )
  }

  stats(): Stats {
    return statsOf(this.#snapshot, this.#loaded)
  }

  async setBudget(bytes: Size): Promise<Plan> {
    const budget = checkBudget(bytes)
    const plan = await this.#runBeside((signal) => this.#host.call('setBudget', [budget], signal))
    this.#loaded = { ...this.#loaded, plan }
    this.#events.tell(this.#snapshot, this.#loaded, true)
    return plan
  }

  async schedule(): Promise<ScheduleStep[]> {
    return await this.#runBeside((signal) => this.#host.call('schedule', [], signal))
  }

  memoryReport(options?: { format?: 'text' }): Promise<string>
  memoryReport(options: { format: 'json' }): Promise<MemoryReport>
  async memoryReport(options: { format?: 'text' | 'json' } = {}): Promise<string | MemoryReport> {
    const format = checkReportOptions(options)
    const report = await this.#runBeside((signal) =>
      this.#host.call('memoryReport', [format], signal),
    )
    return format === 'json' ? (JSON.parse(report) as MemoryReport) : report
  }

  on<E extends keyof ModelEvents>(event: E, listener: (value: ModelEvents[E]) => void): () => void {
    return this.#events.on(event, listener)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const operation = this.#operation
    operation?.abort.abort()
    this.#abortBeside.abort()
    // What a generation rejects with its caller is told.
    await (operation?.leave ? operation.leave().catch(() => {}) : operation?.ended)
    await Promise.allSettled(this.#beside)
    await this.#host.close()
  }

  async [asyncDispose](): Promise<void> {
    await this.close()
  }

  // ---- one operation at a time -----------------------------------------------------------------

  async #run<T>(
    signal: AbortSignal | undefined,
    call: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const operation = this.#begin(signal)
    try {
      return await call(operation.abort.signal)
    } catch (error) {
      throw this.#errorOf(error)
    } finally {
      operation.end()
    }
  }

  /** What needs no more than a moment between two steps of the operation, and does not wait for its end. */
  async #runBeside<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#closing) throw closed()
    const running = call(this.#abortBeside.signal)
    this.#beside.add(running)
    try {
      return await running
    } catch (error) {
      throw this.#errorOf(error)
    } finally {
      this.#beside.delete(running)
    }
  }

  #begin(signal: AbortSignal | undefined): Operation {
    if (this.#closing) throw closed()
    throwIfAborted(signal)
    if (this.#operation) {
      throw new TinyAIError(
        'E_BUSY',
        'the model is busy: end or await what runs, or load it a second time',
      )
    }
    const abort = new AbortController()
    const onAbort = () => abort.abort(signal && abortError(signal))
    signal?.addEventListener('abort', onAbort)
    let resolve = () => {}
    const ended = new Promise<void>((done) => {
      resolve = done
    })
    const end = () => {
      signal?.removeEventListener('abort', onAbort)
      this.#operation = undefined
      resolve()
    }
    this.#operation = { abort, ended, end }
    return this.#operation
  }

  #errorOf(error: unknown): unknown {
    return this.#closing && isAbort(error) ? closed() : error
  }
}

function closed(): TinyAIError {
  return new TinyAIError('E_CLOSED', 'the model was closed; load it again')
}
