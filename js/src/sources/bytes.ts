// A model that is in memory already. It stays in the caller's thread: a copy would double it.
import type { Source } from '../types.js'

export class BytesSource implements Source {
  readonly size: number
  readonly identity: string
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.size = bytes.byteLength
    this.identity = `bytes ${this.size}`
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.#bytes.subarray(offset, offset + length))
  }

  readInto(offset: number, into: Uint8Array): Promise<void> {
    into.set(this.#bytes.subarray(offset, offset + into.length))
    return Promise.resolve()
  }
}
