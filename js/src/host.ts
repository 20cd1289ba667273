// How the caller's side reaches the engine: in this thread (here) or in a worker (worker-host.ts).
import { Helpers } from './helpers.js'
import type { KnownKernels } from './kernels-choice.js'
import type { EngineOptions, GenerateSettings } from './options.js'
import type { Calls } from './protocol.js'
import {
  inspectSession,
  type OpenSource,
  planSession,
  Session,
  type SessionEvents,
} from './session.js'
import type { Loaded, Snapshot } from './snapshot.js'
import { openSource, type SourceSpec } from './source.js'
import type { Inspection, Piece, Plan } from './types.js'
import type { WasmBinary } from './wasm-binary.js'

export interface HostRequest {
  binary: WasmBinary
  source: SourceSpec
  options: EngineOptions
  /** What an earlier model found out about the kernels of `binary`. */
  known: KnownKernels | undefined
}

type Operation =
  | 'tokenize'
  | 'detokenize'
  | 'logits'
  | 'perplexity'
  | 'setBudget'
  | 'schedule'
  | 'memoryReport'

export interface Host {
  plan(request: HostRequest, signal: AbortSignal): Promise<Plan>
  inspect(request: HostRequest, signal: AbortSignal): Promise<Inspection>
  load(request: HostRequest, signal: AbortSignal): Promise<{ loaded: Loaded; snapshot: Snapshot }>
  call<M extends Operation>(
    method: M,
    args: Calls[M]['args'],
    signal: AbortSignal,
  ): Promise<Calls[M]['result']>
  generate(
    prompt: string | number[],
    settings: GenerateSettings,
    signal: AbortSignal,
  ): AsyncGenerator<Piece, void, void>
  /** Once nothing runs any more. */
  close(): Promise<void>
}

export class InlineHost implements Host {
  readonly #events: SessionEvents
  readonly #helpers = new Helpers()
  #session: Session | undefined

  constructor(events: SessionEvents) {
    this.#events = events
  }

  async plan({ binary, source, options }: HostRequest, signal: AbortSignal): Promise<Plan> {
    const { onProgress } = this.#events
    return await planSession(binary, opener(source), options, onProgress, signal)
  }

  async inspect({ binary, source }: HostRequest, signal: AbortSignal): Promise<Inspection> {
    return await inspectSession(binary, opener(source), this.#events.onProgress, signal)
  }

  async load(
    request: HostRequest,
    signal: AbortSignal,
  ): Promise<{ loaded: Loaded; snapshot: Snapshot }> {
    const host = { ...this.#events, startHelpers: this.#helpers.start.bind(this.#helpers) }
    const session = await Session.load(request, opener(request.source), host, signal)
    this.#session = session
    return { loaded: session.loaded, snapshot: await session.snapshot() }
  }

  async call<M extends Operation>(
    method: M,
    args: Calls[M]['args'],
    signal: AbortSignal,
  ): Promise<Calls[M]['result']> {
    const session = this.#session as unknown as Record<
      M,
      (...args: unknown[]) => Promise<Calls[M]['result']>
    >
    return await session[method](...args, signal)
  }

  async *generate(
    prompt: string | number[],
    settings: GenerateSettings,
    signal: AbortSignal,
  ): AsyncGenerator<Piece, void, void> {
    if (this.#session) yield* this.#session.generate(prompt, settings, signal)
  }

  async close(): Promise<void> {
    await this.#session?.close()
    await this.#helpers.stop(true)
    this.#session = undefined // and with it the memory
  }
}

function opener(source: SourceSpec): OpenSource {
  return (traffic, signal) => openSource(source, traffic, signal)
}
