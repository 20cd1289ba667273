// A source of the caller's own, in the same thread as the engine.

import { type ByteSource, type Part, readError } from '../byte-source.js'
import { TinyAIError, throwIfAborted } from '../errors.js'
import type { Traffic } from '../traffic.js'
import type { Source } from '../types.js'

/** Longest piece that is asked for at once where each costs a JavaScript buffer. */
export const BUFFERED_READ_BYTES = 512 << 10

export class CustomSource implements ByteSource {
  readonly size: number
  readonly identity: string
  readonly name: string
  readonly mergeReads = false
  readonly #source: Source
  readonly #traffic: Traffic

  static async open(source: Source, name: string, traffic: Traffic): Promise<CustomSource> {
    return new CustomSource(source, name, traffic)
  }

  private constructor(source: Source, name: string, traffic: Traffic) {
    this.#source = source
    this.#traffic = traffic
    this.size = source.size
    this.identity = source.identity
    this.name = name
  }

  async read(parts: readonly Part[], signal: AbortSignal): Promise<void> {
    for (const { offset, into } of parts) {
      try {
        if (this.#source.readInto) {
          this.#traffic.requests++
          await this.#source.readInto(offset, into, signal)
          this.#traffic.fetchedBytes += into.length
        } else {
          await this.#readPieces(offset, into, signal)
        }
      } catch (error) {
        throwIfAborted(signal)
        throw readError(error, this.name, offset)
      }
      throwIfAborted(signal)
      this.#checkUnchanged(offset)
    }
  }

  async #readPieces(offset: number, into: Uint8Array, signal: AbortSignal): Promise<void> {
    for (let at = 0; at < into.length; at += BUFFERED_READ_BYTES) {
      const length = Math.min(BUFFERED_READ_BYTES, into.length - at)
      this.#traffic.requests++
      this.#traffic.hold(length)
      try {
        const bytes = checkAnswer(
          await this.#source.read(offset + at, length, signal),
          this.name,
          offset + at,
          length,
        )
        into.set(bytes, at)
        this.#traffic.fetchedBytes += length
      } finally {
        this.#traffic.release(length)
      }
    }
  }

  #checkUnchanged(offset: number): void {
    if (this.#source.identity === this.identity && this.#source.size === this.size) return
    throw new TinyAIError(
      'E_STALE',
      `${this.name}: its identity changed while it was in use; load it again`,
      {
        offset,
      },
    )
  }

  async close(): Promise<void> {}
}

export function checkAnswer(
  bytes: unknown,
  name: string,
  offset: number,
  length: number,
): Uint8Array {
  if (bytes instanceof Uint8Array && bytes.length === length) return bytes
  const got = bytes instanceof Uint8Array ? `${bytes.length} bytes` : typeof bytes
  const message = `${name}: read(${offset}, ${length}) gave ${got} instead of a Uint8Array of ${length}`
  throw new TinyAIError('E_IO', message, { offset })
}
