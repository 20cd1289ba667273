// What the caller holds: one operation at a time, with its signal, its errors and the events that come of it.
import { abortError, isAbort, TinyAIError, throwIfAborted } from './errors.js'
import type { EventHub } from './events.js'
import type { Host } from './host.js'
import {
  checkGenerateOptions,
  checkIds,
  checkSignalOption,
  checkText,
  checkTokenizeOptions,
  type GenerateSettings,
} from './options.js'
import { type Loaded, type Snapshot, statsOf } from './snapshot.js'
import type {
  GenerateOptions,
  Model,
  ModelEvents,
  Perplexity,
  Piece,
  Plan,
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
}

export class LoadedModel implements Model {
  readonly plan: Plan
  readonly #host: Host
  readonly #loaded: Loaded
  readonly #events: EventHub
  #snapshot: Snapshot
  #operation: Operation | undefined
  #closing: Promise<void> | undefined

  constructor(host: Host, loaded: Loaded, snapshot: Snapshot, events: EventHub) {
    this.plan = loaded.plan
    this.#host = host
    this.#loaded = loaded
    this.#snapshot = snapshot
    this.#events = events
    events.onSnapshot = (next) => {
      this.#snapshot = next
      events.tell(next, loaded)
    }
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
    try {
      yield* this.#host.generate(prompt, settings, operation.abort.signal)
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

  on<E extends keyof ModelEvents>(event: E, listener: (value: ModelEvents[E]) => void): () => void {
    return this.#events.on(event, listener)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#operation?.abort.abort()
    await this.#operation?.ended
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
