// A file on an HTTP server, by ranged GETs. Only what script may always send (`Range: bytes=a-b`, which needs no
// preflight) is sent, and everything that can be seen of an answer is checked: servers and caches do answer ranges with
// other ranges, shorter ones, newer files or compressed bytes, and call it success.

import type { ByteSource, Part } from '../byte-source.js'
import {
  type ErrorCode,
  isNoMemory,
  messageOf,
  noMemory,
  TinyAIError,
  throwIfAborted,
} from '../errors.js'
import type { Traffic } from '../traffic.js'

/** The first request asks for this much: it tells the size, and holds the header of most models. */
const HEAD_BYTES = 1 << 20

/** What an answer says about the version of the file; undefined where it does not, or may not be read. */
interface Validator {
  etag: string | undefined
  modified: string | undefined
}

export class UrlSource implements ByteSource {
  size = 0
  identity = ''
  readonly name: string
  readonly mergeReads = true
  readonly #traffic: Traffic
  #validator: Validator = { etag: undefined, modified: undefined }
  /** Where redirects led. */
  #address: string
  /** The answer to the first request, until its bytes are asked for. */
  #head: Uint8Array | undefined

  static async open(href: string, traffic: Traffic, signal: AbortSignal): Promise<UrlSource> {
    const source = new UrlSource(href, traffic)
    await source.#readHead(signal)
    return source
  }

  private constructor(href: string, traffic: Traffic) {
    this.name = href
    this.#address = href
    this.#traffic = traffic
  }

  async read(parts: readonly Part[], signal: AbortSignal): Promise<void> {
    const first = parts[0]
    const last = parts[parts.length - 1]
    if (!first || !last) return
    if (parts.length === 1 && this.#takeHead(first)) return
    const end = last.offset + last.into.length
    const response = await this.#request(first.offset, end, signal)
    await this.#checked(response, () => this.#checkRange(response, first.offset, end))
    await this.#receive(response, first.offset, end, signal, new Scatter(parts))
  }

  async close(): Promise<void> {
    this.#dropHead()
  }

  // ---- the first request -----------------------------------------------------------------------

  async #readHead(signal: AbortSignal): Promise<void> {
    const response = await this.#request(0, HEAD_BYTES, signal)
    const head = await this.#checked(response, () => {
      this.size = response.status === 200 ? this.#wholeSize(response) : this.#rangeSize(response)
      this.#validator = validatorOf(response)
      if (response.url) this.#address = response.url
      return this.#buffer(Math.min(HEAD_BYTES, this.size))
    })
    this.identity = [
      this.name,
      this.#validator.etag ?? this.#validator.modified ?? '',
      this.size,
    ].join(' ')
    this.#traffic.hold(head.length)
    this.#head = head
    try {
      await this.#receive(
        response,
        0,
        head.length,
        signal,
        new Scatter([{ offset: 0, into: head }]),
      )
    } catch (error) {
      this.#dropHead()
      throw error
    }
  }

  #buffer(bytes: number): Uint8Array {
    try {
      return new Uint8Array(bytes)
    } catch (error) {
      throw noMemory(error, this.name)
    }
  }

  /** 200: fine when the whole file is what was asked for, otherwise the server does not know ranges. */
  #wholeSize(response: Response): number {
    const length = response.headers.get('content-length')
    this.#checkEncoding(response, 0)
    if (length !== null && /^\d+$/.test(length) && Number(length) <= HEAD_BYTES)
      return Number(length)
    throw this.#ignoresRanges(0)
  }

  #rangeSize(response: Response): number {
    this.#checkPartial(response, 0)
    const range = contentRange(response)
    if (!range || range.total === undefined) {
      throw this.#error(
        'E_SIZE',
        0,
        range
          ? 'the server does not tell the size of the file (Content-Range ends in "/*")'
          : 'the answer has no readable Content-Range, so the size is unknown; on another origin the server must send "Access-Control-Expose-Headers: Content-Range, ETag"',
      )
    }
    this.#compareRange(range, 0, Math.min(HEAD_BYTES, range.total))
    return range.total
  }

  #takeHead(part: Part): boolean {
    const head = this.#head
    if (!head || part.offset + part.into.length > head.length) return false
    part.into.set(head.subarray(part.offset, part.offset + part.into.length))
    this.#dropHead()
    return true
  }

  #dropHead(): void {
    if (this.#head) this.#traffic.release(this.#head.length)
    this.#head = undefined
  }

  // ---- any request -----------------------------------------------------------------------------

  /** Bytes start .. end - 1. */
  async #request(start: number, end: number, signal: AbortSignal): Promise<Response> {
    this.#traffic.requests++
    try {
      return await fetch(this.#address, {
        headers: { Range: `bytes=${start}-${end - 1}` },
        // Caches of browsers have answered ranges wrongly, and serve parallel ranges one after another.
        cache: 'no-store',
        signal,
      })
    } catch (error) {
      throwIfAborted(signal)
      if (isNoMemory(error)) throw noMemory(error, this.name)
      const why = messageOf((error as Error).cause ?? error)
      throw this.#error(
        'E_IO',
        start,
        `the server cannot be reached, or does not allow this page to read it (${why})`,
        error,
      )
    }
  }

  /** Runs the checks of an answer; one that fails them is not downloaded. */
  async #checked<T>(response: Response, check: () => T): Promise<T> {
    try {
      return check()
    } catch (error) {
      await response.body?.cancel().catch(() => {})
      throw error
    }
  }

  #checkRange(response: Response, start: number, end: number): void {
    if (response.status === 200) {
      this.#checkEncoding(response, start)
      if (
        start !== 0 ||
        end !== this.size ||
        response.headers.get('content-length') !== String(end)
      ) {
        throw this.#ignoresRanges(start)
      }
    } else {
      this.#checkPartial(response, start)
      const range = contentRange(response)
      if (range) this.#compareRange(range, start, end)
    }
    this.#checkValidator(response, start)
  }

  #checkPartial(response: Response, start: number): void {
    const { status, statusText, headers } = response
    if (status === 416 && headers.get('content-range') === 'bytes */0') {
      throw this.#error('E_TRUNCATED', start, 'the file is empty')
    }
    if (status !== 206) {
      throw this.#error(
        'E_HTTP',
        start,
        `the server answered ${`${status} ${statusText}`.trim()} instead of 206; check the address`,
      )
    }
    if (headers.get('content-type')?.startsWith('multipart/')) {
      throw this.#error('E_HTTP', start, 'the server answered one range with a multipart body')
    }
    this.#checkEncoding(response, start)
  }

  #checkEncoding(response: Response, start: number): void {
    const encoding = response.headers.get('content-encoding')
    if (encoding === null || encoding === 'identity') return
    throw this.#error(
      'E_HTTP',
      start,
      `the server compressed the file (Content-Encoding: ${encoding}); it must serve it as it is`,
    )
  }

  #compareRange(range: ContentRange, start: number, end: number): void {
    if (this.size !== 0 && range.total !== undefined && range.total !== this.size) {
      throw this.#error(
        'E_STALE',
        start,
        `the file had ${this.size} bytes and now has ${range.total}; load it again`,
      )
    }
    if (range.start === start && range.end === end - 1) return
    throw this.#error(
      'E_HTTP',
      start,
      `the server sent bytes ${range.start}-${range.end} when asked for ${start}-${end - 1}`,
    )
  }

  #checkValidator(response: Response, start: number): void {
    const { etag, modified } = validatorOf(response)
    const known = this.#validator
    const same =
      etag && known.etag
        ? etag === known.etag
        : !modified || !known.modified || modified === known.modified
    if (!same)
      throw this.#error(
        'E_STALE',
        start,
        'the file changed on the server while it was in use; load it again',
      )
  }

  #ignoresRanges(start: number): TinyAIError {
    return this.#error(
      'E_HTTP',
      start,
      'the server ignores ranges: it answered 200 with the whole file; use a server that answers "Range" with 206, or download the file and pass it as a File or path',
    )
  }

  /** The body goes from the network's buffers straight to where it belongs; it must be exactly as long as asked. */
  async #receive(
    response: Response,
    start: number,
    end: number,
    signal: AbortSignal,
    scatter: Scatter,
  ): Promise<void> {
    let at = start
    const reader = response.body?.getReader()
    try {
      for (;;) {
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
        throwIfAborted(signal)
        if (done) break
        this.#traffic.fetchedBytes += value.length
        if (at + value.length > end) {
          throw this.#error(
            'E_HTTP',
            end,
            `the server sent more than the ${end - start} bytes it was asked for`,
          )
        }
        this.#traffic.hold(value.length)
        scatter.write(at, value)
        this.#traffic.release(value.length)
        at += value.length
      }
    } catch (error) {
      await reader?.cancel().catch(() => {})
      throwIfAborted(signal)
      if (error instanceof TinyAIError) throw error
      if (isNoMemory(error)) throw noMemory(error, this.name)
      throw this.#error(
        'E_IO',
        at,
        `the connection broke after ${at - start} of ${end - start} bytes (${messageOf(error)})`,
        error,
      )
    }
    if (at === end) return
    throw this.#error(
      'E_IO',
      at,
      `the server sent ${at - start} of ${end - start} bytes and called it complete`,
    )
  }

  #error(code: ErrorCode, offset: number, what: string, cause?: unknown): TinyAIError {
    return new TinyAIError(code, `${this.name}: ${what} (at byte ${offset})`, {
      url: this.name,
      offset,
      cause,
    })
  }
}

interface ContentRange {
  start: number
  end: number
  /** undefined for "*" */
  total: number | undefined
}

function contentRange(response: Response): ContentRange | undefined {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(response.headers.get('content-range') ?? '')
  if (!match) return undefined
  const total = match[3] === '*' ? undefined : Number(match[3])
  return { start: Number(match[1]), end: Number(match[2]), total }
}

/** A weak ETag says nothing about bytes. */
function validatorOf({ headers }: Response): Validator {
  const etag = headers.get('etag') ?? undefined
  return {
    etag: etag?.startsWith('W/') ? undefined : etag,
    modified: headers.get('last-modified') ?? undefined,
  }
}

/** Writes a contiguous stream of bytes to parts of it that lie apart in memory. */
class Scatter {
  readonly #parts: readonly Part[]
  #next = 0 // the first part that is not complete

  constructor(parts: readonly Part[]) {
    this.#parts = parts
  }

  /** bytes: those of the file from `at`, which follow the last ones. */
  write(at: number, bytes: Uint8Array): void {
    const end = at + bytes.length
    for (;;) {
      const part = this.#parts[this.#next]
      if (!part || part.offset >= end) return
      const partEnd = part.offset + part.into.length
      const from = Math.max(at, part.offset)
      const to = Math.min(end, partEnd)
      part.into.set(bytes.subarray(from - at, to - at), from - part.offset)
      if (partEnd > end) return
      this.#next++
    }
  }
}
