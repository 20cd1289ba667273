// A Blob or File. Its slices can be had only as buffers of their own, so they are kept short.

import { type ByteSource, type Part, readError } from '../byte-source.js'
import { TinyAIError, throwIfAborted } from '../errors.js'
import type { Traffic } from '../traffic.js'
import { BUFFERED_READ_BYTES } from './custom.js'

export class BlobSource implements ByteSource {
  readonly size: number
  readonly identity: string
  readonly name: string
  readonly mergeReads = false
  readonly #blob: Blob
  readonly #traffic: Traffic

  static async open(
    blob: Blob,
    name: string,
    identity: string,
    traffic: Traffic,
  ): Promise<BlobSource> {
    return new BlobSource(blob, name, identity, traffic)
  }

  private constructor(blob: Blob, name: string, identity: string, traffic: Traffic) {
    this.#blob = blob
    this.#traffic = traffic
    this.size = blob.size
    this.identity = identity
    this.name = name
  }

  async read(parts: readonly Part[], signal: AbortSignal): Promise<void> {
    for (const { offset, into } of parts) {
      for (let at = 0; at < into.length; at += BUFFERED_READ_BYTES) {
        await this.#readSlice(offset + at, into.subarray(at, at + BUFFERED_READ_BYTES), signal)
      }
    }
  }

  async #readSlice(offset: number, into: Uint8Array, signal: AbortSignal): Promise<void> {
    this.#traffic.requests++
    this.#traffic.hold(into.length)
    try {
      const bytes = new Uint8Array(
        await this.#blob.slice(offset, offset + into.length).arrayBuffer(),
      )
      throwIfAborted(signal)
      if (bytes.length !== into.length) throw this.#changed(offset)
      into.set(bytes)
      this.#traffic.fetchedBytes += bytes.length
    } catch (error) {
      // What browsers and Node say when the file behind it was changed or removed.
      if ((error as Error | undefined)?.name === 'NotReadableError')
        throw this.#changed(offset, error)
      throw readError(error, this.name, offset)
    } finally {
      this.#traffic.release(into.length)
    }
  }

  #changed(offset: number, cause?: unknown): TinyAIError {
    const message = `${this.name}: the file cannot be read any more at byte ${offset}: it was changed, moved or removed; choose it again`
    return new TinyAIError('E_STALE', message, { offset, cause })
  }

  async close(): Promise<void> {}
}
