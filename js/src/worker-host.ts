// The caller's side of the worker: calls with their answers, pieces as they come, and reads of a source that stayed here.
import type { ByteSource } from './byte-source.js'
import { isNode } from './environment.js'
import { abortError, fromWire, isAbort, TinyAIError, throwIfAborted, toWire } from './errors.js'
import { Helpers, type HelpersWanted } from './helpers.js'
import type { Host, HostRequest } from './host.js'
import type { GenerateSettings } from './options.js'
import type { Calls, FromWorker, Method, ModelRequest } from './protocol.js'
import type { SessionEvents } from './session.js'
import type { Loaded, Snapshot } from './snapshot.js'
import { openSource } from './source.js'
import { startThread, type Thread } from './thread.js'
import { Traffic } from './traffic.js'
import type { Inspection, Piece, Plan } from './types.js'

/** A worker that does not answer a close is ended after this time. */
const CLOSE_MS = 2000

interface Waiting {
  onPiece(piece: Piece): void
  resolve(value: unknown): void
  reject(error: unknown): void
}

export class WorkerHost implements Host {
  readonly #events: SessionEvents
  #thread: Thread | undefined
  #failure: TinyAIError | undefined
  /** The caller's source, if it is asked for bytes here, and the reads of it that run. */
  #local: ByteSource | undefined
  readonly #reads = new Map<number, AbortController>()
  readonly #helpers = new Helpers()
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0

  static async start(events: SessionEvents): Promise<WorkerHost> {
    const host = new WorkerHost(events)
    try {
      host.#thread = await startThread({
        onMessage: (message) => host.#onMessage(message),
        onFailure: (reason) => host.#onFailure(reason),
      })
    } catch (error) {
      host.#onFailure((error as Error).message)
      throw host.#failure
    }
    return host
  }

  private constructor(events: SessionEvents) {
    this.#events = events
  }

  async plan(request: HostRequest, signal: AbortSignal): Promise<Plan> {
    return await this.#call('plan', [await this.#toWorker(request, signal)], signal)
  }

  async inspect(request: HostRequest, signal: AbortSignal): Promise<Inspection> {
    return await this.#call('inspect', [await this.#toWorker(request, signal)], signal)
  }

  async load(
    request: HostRequest,
    signal: AbortSignal,
  ): Promise<{ loaded: Loaded; snapshot: Snapshot }> {
    return await this.#call('load', [await this.#toWorker(request, signal)], signal)
  }

  async call<M extends Method>(
    method: M,
    args: Calls[M]['args'],
    signal: AbortSignal,
  ): Promise<Calls[M]['result']> {
    return await this.#call(method, args, signal)
  }

  async *generate(
    prompt: string | number[],
    settings: GenerateSettings,
    signal: AbortSignal,
  ): AsyncGenerator<Piece, void, void> {
    const leave = new AbortController() // the loop is left before the end
    const onAbort = () => leave.abort()
    signal.addEventListener('abort', onAbort)
    const pieces: Piece[] = []
    let wake = () => {}
    let ended = false
    const id = ++this.#lastId
    const end = this.#call('generate', [prompt, settings], leave.signal, id, (piece) => {
      pieces.push(piece)
      wake()
    }).finally(() => {
      ended = true
      wake()
    })
    end.catch(() => {}) // it is awaited below
    try {
      for (;;) {
        throwIfAborted(signal)
        const piece = pieces.shift()
        if (piece) {
          yield piece
          this.#thread?.post({ type: 'credit', id })
        } else if (ended) {
          return await end
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      leave.abort()
      await end.catch(() => {}) // the model can be used again when the worker has said so
    }
  }

  async close(): Promise<void> {
    const thread = this.#thread
    if (!thread) return
    const never = new AbortController().signal
    const answer = this.#call('close', [], never).then(
      () => true,
      () => false,
    )
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeout = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS, false)
    })
    const closed = await Promise.race([answer, timeout])
    clearTimeout(timer)
    this.#thread = undefined
    for (const read of this.#reads.values()) read.abort()
    await Promise.all([thread.terminate(), this.#helpers.stop(closed)])
  }

  // ---- calls -----------------------------------------------------------------------------------

  async #call<M extends Method>(
    method: M,
    args: Calls[M]['args'],
    signal: AbortSignal,
    id = ++this.#lastId,
    onPiece: (piece: Piece) => void = () => {},
  ): Promise<Calls[M]['result']> {
    throwIfAborted(signal)
    const thread = this.#thread
    if (!thread) throw this.#failure ?? new TinyAIError('E_CLOSED', 'the model is closed')
    const onAbort = () => thread.post({ type: 'abort', id })
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { onPiece, resolve, reject })
    })
    signal.addEventListener('abort', onAbort)
    thread.keepAlive(true)
    try {
      thread.post({ type: 'call', id, method, args })
      return (await answer) as Calls[M]['result']
    } catch (error) {
      throw isAbort(error) && signal.aborted ? abortError(signal) : error
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#waiting.delete(id)
      // A model that is idle does not keep the process running.
      if (this.#waiting.size === 0) thread.keepAlive(false)
    }
  }

  async #toWorker({ source, ...request }: HostRequest, signal: AbortSignal): Promise<ModelRequest> {
    // Node cannot send a Blob that stands for a file to another thread.
    const stays = source.kind === 'local' || (source.kind === 'blob' && isNode)
    if (!stays) return { ...request, source }
    this.#local = await openSource(source, new Traffic(), signal) // what is in flight the worker counts
    const { name, size, identity } = this.#local
    return { ...request, source: { kind: 'remote', name, size, identity } }
  }

  #onMessage(message: FromWorker): void {
    switch (message.type) {
      case 'result':
        this.#waiting.get(message.id)?.resolve(message.value)
        break
      case 'error':
        this.#waiting.get(message.id)?.reject(fromWire(message.error))
        break
      case 'piece':
        this.#waiting.get(message.id)?.onPiece(message.piece)
        break
      case 'snapshot':
        this.#events.onSnapshot(message.snapshot)
        break
      case 'progress':
        this.#events.onProgress(message.progress)
        break
      case 'read':
        void this.#read(message.id, message.offset, message.length)
        break
      case 'unread':
        this.#reads.get(message.id)?.abort()
        break
      case 'start':
        void this.#start(message.helpers)
        break
    }
  }

  #onFailure(reason: string): void {
    if (this.#failure) return
    const message = `the worker of the model ended: ${reason}; { worker: false } runs without one`
    this.#failure = new TinyAIError('E_INTERNAL', message)
    this.#thread = undefined
    for (const { reject } of this.#waiting.values()) reject(this.#failure)
    void this.#helpers.stop(false)
  }

  async #start(wanted: HelpersWanted): Promise<void> {
    this.#thread?.post({ type: 'started', helpers: await this.#helpers.start(wanted) })
  }

  // ---- the caller's source ---------------------------------------------------------------------

  async #read(id: number, offset: number, length: number): Promise<void> {
    const controller = new AbortController()
    this.#reads.set(id, controller)
    try {
      const bytes = new Uint8Array(length)
      await this.#local?.read([{ offset, into: bytes }], controller.signal)
      this.#thread?.post({ type: 'bytes', id, bytes }, [bytes.buffer])
    } catch (error) {
      this.#thread?.post({ type: 'unreadable', id, error: toWire(error) })
    } finally {
      this.#reads.delete(id)
    }
  }
}
