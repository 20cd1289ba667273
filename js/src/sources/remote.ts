// A source that lives in the caller's thread, seen from the worker: every read is a message and its answer.
import type { ByteSource, Part } from '../byte-source.js'
import { abortError, fromWire, throwIfAborted, type WireError } from '../errors.js'
import type { FromWorker, RemoteSpec } from '../protocol.js'
import type { Traffic } from '../traffic.js'
import { BUFFERED_READ_BYTES, checkAnswer } from './custom.js'

interface Waiting {
  resolve(bytes: Uint8Array): void
  reject(error: unknown): void
}

export class RemoteSource implements ByteSource {
  readonly size: number
  readonly identity: string
  readonly name: string
  readonly mergeReads = false
  readonly #traffic: Traffic
  readonly #post: (message: FromWorker) => void
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0

  constructor(spec: RemoteSpec, traffic: Traffic, post: (message: FromWorker) => void) {
    this.name = spec.name
    this.size = spec.size
    this.identity = spec.identity
    this.#traffic = traffic
    this.#post = post
  }

  async read(parts: readonly Part[], signal: AbortSignal): Promise<void> {
    for (const { offset, into } of parts) {
      for (let at = 0; at < into.length; at += BUFFERED_READ_BYTES) {
        await this.#readPiece(offset + at, into.subarray(at, at + BUFFERED_READ_BYTES), signal)
      }
    }
  }

  async #readPiece(offset: number, into: Uint8Array, signal: AbortSignal): Promise<void> {
    throwIfAborted(signal)
    const id = ++this.#lastId
    this.#traffic.requests++
    this.#traffic.hold(2 * into.length) // what the source gave, and the copy that was sent
    const onAbort = () => {
      this.#post({ type: 'unread', id })
      this.#waiting.get(id)?.reject(abortError(signal))
    }
    signal.addEventListener('abort', onAbort)
    try {
      const answer = new Promise<Uint8Array>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject })
      })
      this.#post({ type: 'read', id, offset, length: into.length })
      into.set(checkAnswer(await answer, this.name, offset, into.length))
      this.#traffic.fetchedBytes += into.length
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#waiting.delete(id)
      this.#traffic.release(2 * into.length)
    }
  }

  onBytes(id: number, bytes: Uint8Array): void {
    this.#waiting.get(id)?.resolve(bytes)
  }

  onUnreadable(id: number, error: WireError): void {
    this.#waiting.get(id)?.reject(fromWire(error))
  }

  async close(): Promise<void> {}
}
