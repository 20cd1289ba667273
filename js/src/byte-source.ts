// What the engine's thread reads from, whatever the model comes from.
import { isAbort, isNoMemory, messageOf, noMemory, TinyAIError } from './errors.js'

/** A piece of the file and where it goes. */
export interface Part {
  offset: number
  into: Uint8Array
}

/** What the engine's thread reads from. */
export interface ByteSource {
  readonly size: number
  /** Changes when the bytes change. */
  readonly identity: string
  /** For messages: URL, path, name. */
  readonly name: string
  /** Whether a read costs so much that near neighbours are better read together. */
  readonly mergeReads: boolean
  /** Fills all parts (ascending, not overlapping) or rejects; when it has, nothing writes to them any more. */
  read(parts: readonly Part[], signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** An error of a source as one of ours, with the place; ours and aborts stay as they are. */
export function readError(error: unknown, name: string, offset: number): unknown {
  if (error instanceof TinyAIError || isAbort(error)) return error
  if (isNoMemory(error)) return noMemory(error, name)
  const message = `${name}: reading at byte ${offset} failed: ${messageOf(error)}`
  return new TinyAIError('E_IO', message, { url: name, offset, cause: error })
}
