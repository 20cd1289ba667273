// A file in Node, read straight into WebAssembly memory.
import type { FileHandle } from 'node:fs/promises'
import { type ByteSource, type Part, readError } from '../byte-source.js'
import { builtin } from '../environment.js'
import { messageOf, TinyAIError, throwIfAborted } from '../errors.js'
import type { Traffic } from '../traffic.js'

type Fs = typeof import('node:fs')

export class FileSource implements ByteSource {
  readonly size: number
  readonly identity: string
  readonly name: string
  readonly mergeReads = false
  readonly #fs: Fs
  readonly #handle: FileHandle
  readonly #traffic: Traffic

  /** path: a path or a file: URL. */
  static async open(path: string, traffic: Traffic): Promise<FileSource> {
    const fs = await builtin('node:fs')
    const name = /^file:/i.test(path) ? (await builtin('node:url')).fileURLToPath(path) : path
    let handle: FileHandle
    try {
      handle = await fs.promises.open(name, 'r')
    } catch (error) {
      throw openError(error, name)
    }
    try {
      const stat = fs.fstatSync(handle.fd, { bigint: true })
      if (!stat.isFile()) throw notAFile(name, stat.isDirectory())
      return new FileSource(fs, handle, name, Number(stat.size), identityOf(stat), traffic)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  private constructor(
    fs: Fs,
    handle: FileHandle,
    name: string,
    size: number,
    identity: string,
    traffic: Traffic,
  ) {
    this.#fs = fs
    this.#handle = handle
    this.#traffic = traffic
    this.name = name
    this.size = size
    this.identity = identity
  }

  async read(parts: readonly Part[], signal: AbortSignal): Promise<void> {
    for (const { offset, into } of parts) {
      throwIfAborted(signal)
      await this.#readPart(offset, into)
      // After the read, so that what was read is known to be from the file as it was opened. An open file's
      // attributes are in memory: this takes microseconds.
      this.#checkUnchanged(offset)
    }
  }

  async #readPart(offset: number, into: Uint8Array): Promise<void> {
    for (let at = 0; at < into.length; ) {
      this.#traffic.requests++
      let bytesRead: number
      try {
        ;({ bytesRead } = await this.#handle.read(into, at, into.length - at, offset + at))
      } catch (error) {
        throw readError(error, this.name, offset + at)
      }
      if (bytesRead === 0) {
        this.#checkUnchanged(offset + at)
        const message = `${this.name}: the file ends at byte ${offset + at}`
        throw new TinyAIError('E_TRUNCATED', message, { url: this.name, offset: offset + at })
      }
      at += bytesRead
      this.#traffic.fetchedBytes += bytesRead
    }
  }

  #checkUnchanged(offset: number): void {
    if (identityOf(this.#fs.fstatSync(this.#handle.fd, { bigint: true })) === this.identity) return
    const message = `${this.name}: the file was changed while it was in use; load it again`
    throw new TinyAIError('E_STALE', message, { url: this.name, offset })
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

function identityOf(stat: { dev: bigint; ino: bigint; size: bigint; mtimeNs: bigint }): string {
  return `${stat.dev}:${stat.ino} ${stat.size} ${stat.mtimeNs}`
}

function openError(error: unknown, name: string): TinyAIError {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EISDIR') return notAFile(name, true)
  const what =
    code === 'ENOENT' || code === 'ENOTDIR'
      ? 'there is no such file; check the path'
      : code === 'EACCES' || code === 'EPERM'
        ? 'no permission to read it; check the rights of the file and its folders'
        : messageOf(error)
  return new TinyAIError('E_NOT_FOUND', `${name}: ${what}`, { url: name, cause: error })
}

function notAFile(name: string, folder: boolean): TinyAIError {
  const what = folder
    ? 'is a folder; pass the path of a .gguf or .tmai file in it'
    : 'is not a regular file'
  return new TinyAIError('E_IO', `${name}: ${what}`, { url: name })
}
