// The two kinds of error the package throws: TinyAIError, and an AbortError when a signal was aborted.
import { STATUS } from './abi.js'

/** The names of the C status list, without OK. */
export type ErrorCode = Exclude<keyof typeof STATUS, 'OK'>

export interface ErrorDetails {
  /** Byte offset in the source. */
  offset?: number | undefined
  /** URL or path of the source. */
  url?: string | undefined
  /** `E_BUDGET`: bytes the configuration needs. */
  asked?: number | undefined
  /** `E_BUDGET`: bytes the budget allows. */
  allowed?: number | undefined
  /** `E_BUDGET`: `asked - allowed`. */
  missing?: number | undefined
  cause?: unknown
}

/** Everything that can go wrong, with a code to react to and a message that says what, where and what to do. */
export class TinyAIError extends Error {
  readonly code: ErrorCode
  /** The number of `code` in the C interface. */
  readonly status: number
  readonly offset: number | undefined
  readonly url: string | undefined
  readonly asked: number | undefined
  readonly allowed: number | undefined
  readonly missing: number | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'TinyAIError'
    this.code = code
    this.status = STATUS[code]
    this.offset = details.offset
    this.url = details.url
    this.asked = details.asked
    this.allowed = details.allowed
    this.missing = details.missing
  }
}

const NAMES = new Map(Object.entries(STATUS).map(([name, value]) => [value as number, name]))

/** The code of a negative status; E_INTERNAL for a value that is not in the list. */
export function codeOf(status: number): ErrorCode {
  const name = NAMES.get(status)
  return name === undefined || name === 'OK' ? 'E_INTERNAL' : (name as ErrorCode)
}

/** What an aborted operation rejects with: the signal's own AbortError or TimeoutError, else a new one. */
export function abortError(signal: AbortSignal): unknown {
  const reason: unknown = signal.reason
  if (isAbort(reason) || (reason as Error | undefined)?.name === 'TimeoutError') return reason
  const error = new DOMException('The operation was aborted', 'AbortError')
  if (reason !== undefined) Object.defineProperty(error, 'cause', { value: reason })
  return error
}

export function isAbort(error: unknown): boolean {
  return (error as Error | undefined)?.name === 'AbortError'
}

/** What hosts throw when memory or a buffer cannot be had. A stack that is too deep throws the same kind. */
export function isNoMemory(error: unknown): boolean {
  return error instanceof RangeError && !/call stack/i.test(error.message)
}

export function noMemory(error: unknown, url: string): TinyAIError {
  const message = `${url}: the host is out of memory (${messageOf(error)}); lower memoryBudget or free memory`
  return new TinyAIError('E_NOMEM', message, { url, cause: error })
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal)
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** An error in a form that survives the way between two threads. */
export type WireError = { name: string; message: string; code?: ErrorCode } & ErrorDetails

export function toWire(error: unknown): WireError {
  if (error instanceof TinyAIError) {
    const { name, message, code, offset, url, asked, allowed, missing } = error
    return { name, message, code, offset, url, asked, allowed, missing }
  }
  return { name: error instanceof Error ? error.name : 'Error', message: messageOf(error) }
}

export function fromWire(wire: WireError): Error {
  if (wire.code !== undefined) return new TinyAIError(wire.code, wire.message, wire)
  if (wire.name === 'AbortError') return new DOMException(wire.message, 'AbortError')
  return new TinyAIError('E_INTERNAL', `${wire.name}: ${wire.message}`)
}
