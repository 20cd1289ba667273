// A file that Node writes: beside its name as NAME.UNIQUE.partial, renamed when it is complete and safe on the disk.
import type { FileHandle } from 'node:fs/promises'
import type { Target } from '../convert.js'
import { builtin } from '../environment.js'
import { messageOf, TinyAIError } from '../errors.js'

type Fs = typeof import('node:fs/promises')

export class FileTarget implements Target {
  readonly #fs: Fs
  readonly #path: string
  readonly #partial: string
  readonly #handle: FileHandle
  #open = true

  /** input: the path of what is converted, which must not be the target. */
  static async create(path: string, input: string | undefined): Promise<FileTarget> {
    const fs = await builtin('node:fs/promises')
    await checkTarget(fs, path, input)
    const unique = Math.floor(Math.random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
    const partial = `${path}.${unique}.partial`
    try {
      return new FileTarget(fs, path, partial, await fs.open(partial, 'wx'))
    } catch (error) {
      throw writeError(error, path)
    }
  }

  private constructor(fs: Fs, path: string, partial: string, handle: FileHandle) {
    this.#fs = fs
    this.#path = path
    this.#partial = partial
    this.#handle = handle
  }

  async resize(bytes: number): Promise<void> {
    await this.#guard(() => this.#handle.truncate(bytes))
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#guard(() =>
        this.#handle.write(bytes, at, bytes.length - at, offset + at),
      )
      at += bytesWritten
    }
  }

  async commit(): Promise<void> {
    await this.#guard(async () => {
      await this.#handle.sync()
      await this.#close()
      await this.#fs.rename(this.#partial, this.#path)
    })
    await this.#syncFolder()
  }

  async abandon(): Promise<void> {
    await this.#close().catch(() => {})
    await this.#fs.rm(this.#partial, { force: true })
  }

  /** The name itself is safe when the folder is. Not every system can do that. */
  async #syncFolder(): Promise<void> {
    const { dirname } = await builtin('node:path')
    try {
      const folder = await this.#fs.open(dirname(this.#path), 'r')
      await folder.sync().finally(() => folder.close())
    } catch {
      // it is as safe as the system makes it
    }
  }

  async #close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await this.#handle.close()
  }

  async #guard<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (error) {
      throw writeError(error, this.#path)
    }
  }
}

async function checkTarget(fs: Fs, path: string, input: string | undefined): Promise<void> {
  const statOf = async (name: string | undefined) =>
    name === undefined ? undefined : await fs.stat(name, { bigint: true }).catch(() => undefined)
  const target = await statOf(path)
  const refuse = (why: string) =>
    new TinyAIError('E_ARGUMENT', `cannot write "${path}": ${why}`, { url: path })
  if (path === '' || path.endsWith('/') || (target && !target.isFile())) {
    throw refuse('it is not a regular file. Name a file.')
  }
  const read = await statOf(input)
  if (target && read && target.dev === read.dev && target.ino === read.ino) {
    throw refuse('the output is the input: name another file')
  }
}

const REASONS: Record<string, ['E_IO' | 'E_NOT_FOUND', string]> = {
  ENOSPC: ['E_IO', 'the disk is full. Free some space, or write it to another disk.'],
  EDQUOT: ['E_IO', 'the disk is full. Free some space, or write it to another disk.'],
  EFBIG: ['E_IO', 'files here cannot be so large. Write it to another disk, or raise the limit.'],
  ENOENT: ['E_NOT_FOUND', 'there is no such folder. Create it first.'],
  ENOTDIR: ['E_NOT_FOUND', 'there is no such folder. Create it first.'],
  EACCES: ['E_NOT_FOUND', 'no permission to write there. Check the rights of the folder.'],
  EPERM: ['E_NOT_FOUND', 'no permission to write there. Check the rights of the folder.'],
  EROFS: ['E_NOT_FOUND', 'no permission to write there. Check the rights of the folder.'],
}

function writeError(error: unknown, path: string): TinyAIError {
  const { code = '' } = error as NodeJS.ErrnoException
  const [status, why] = REASONS[code] ?? ['E_IO', messageOf(error)]
  return new TinyAIError(status, `cannot write "${path}": ${why}`, { url: path, cause: error })
}
