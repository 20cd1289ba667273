// Text and token ids through the engine's buffers, in as many calls as their sizes need.
import * as abi from './abi.js'
import type { Engine } from './engine.js'
import { Breather } from './environment.js'
import { isNoMemory, noMemory, TinyAIError, throwIfAborted } from './errors.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export interface TextFlags {
  addSpecial: boolean
  parseSpecial: boolean
}

export async function tokenize(
  engine: Engine,
  text: string,
  { addSpecial, parseSpecial }: TextFlags,
  url: string,
  signal: AbortSignal,
): Promise<number[]> {
  const { bytes, wasm } = engine
  const address = engine.get(abi.Exchange.text_address)
  const buffer = bytes.subarray(address, address + engine.get(abi.Exchange.text_capacity))
  const special =
    (addSpecial ? abi.TEXT_ADD_SPECIAL : 0) | (parseSpecial ? abi.TEXT_PARSE_SPECIAL : 0)
  const ids: number[] = []
  let encoded = 0 // UTF-16 units of text that are or were in the buffer
  let filled = 0 // bytes of the buffer that wait to be tokenized
  let flags = special | abi.TEXT_FIRST
  const breather = new Breather()
  for (;;) {
    await breather.breathe()
    throwIfAborted(signal)
    // A slice is cheap, and encodeInto never cuts a character.
    const { read, written } = encodeInto(text.slice(encoded), buffer.subarray(filled))
    encoded += read
    filled += written
    const last = encoded === text.length
    engine.check(wasm.tinyai_js_tokenize(filled, flags | (last ? abi.TEXT_LAST : 0)), url)
    pushIds(engine, ids)
    const used = engine.get(abi.Exchange.used)
    buffer.copyWithin(0, used, filled)
    filled -= used
    if (last && filled === 0) return ids
    if (used === 0)
      throw new TinyAIError('E_TEXT', `${url}: a piece of the text is too long to be tokenized`)
    flags = special
  }
}

/** Not every host reads or writes text in shared memory: there through a copy. */
function unshared(bytes: Uint8Array): Uint8Array {
  const shared =
    typeof SharedArrayBuffer === 'function' && bytes.buffer instanceof SharedArrayBuffer
  if (!shared) return bytes
  try {
    return bytes.slice()
  } catch (cause) {
    throw isNoMemory(cause) ? noMemory(cause, 'text') : cause
  }
}

function encodeInto(text: string, into: Uint8Array): TextEncoderEncodeIntoResult {
  const bytes = unshared(into)
  const result = encoder.encodeInto(text, bytes)
  if (bytes !== into) into.set(bytes.subarray(0, result.written))
  return result
}

function pushIds(engine: Engine, ids: number[]): void {
  const address = engine.get(abi.Exchange.ids_address)
  const count = engine.get(abi.Exchange.n_ids)
  const found = new Uint32Array(engine.bytes.buffer, address, count)
  for (const id of found) ids.push(id)
}

/** Puts ids into the ids buffer, which holds a context of them. */
export function putIds(engine: Engine, ids: readonly number[]): void {
  const address = engine.get(abi.Exchange.ids_address)
  new Uint32Array(engine.bytes.buffer, address, ids.length).set(ids)
}

export async function detokenize(
  engine: Engine,
  ids: readonly number[],
  url: string,
  signal: AbortSignal,
): Promise<string> {
  const capacity = engine.get(abi.Exchange.ids_capacity)
  let text = ''
  let done = 0
  let flags: number = abi.TEXT_FIRST
  const breather = new Breather()
  while (done < ids.length) {
    await breather.breathe()
    throwIfAborted(signal)
    const some = ids.slice(done, done + capacity)
    putIds(engine, some)
    const last = done + some.length === ids.length
    engine.check(
      engine.wasm.tinyai_js_detokenize(some.length, flags | (last ? abi.TEXT_LAST : 0)),
      url,
    )
    const used = engine.get(abi.Exchange.used)
    if (used === 0) throw new TinyAIError('E_INTERNAL', `${url}: detokenizing does not advance`)
    text += readText(
      engine,
      engine.get(abi.Exchange.text_address),
      engine.get(abi.Exchange.text_bytes),
    )
    done += used
    flags = 0
  }
  return text
}

export function readText(engine: Engine, address: number, bytes: number): string {
  return bytes === 0
    ? ''
    : decoder.decode(unshared(engine.bytes.subarray(address, address + bytes)))
}

/** The memory report. The text buffer is left as it was: a text may be on its way through it. */
export function readReport(engine: Engine, json: boolean): string {
  const address = engine.get(abi.Exchange.text_address)
  const buffer = engine.bytes.subarray(address, address + engine.get(abi.Exchange.text_capacity))
  const kept = buffer.slice()
  const utf8 = new TextDecoder() // of its own: a character may be cut between two pieces
  let report = ''
  try {
    for (let done = 0; ; ) {
      const count = engine.wasm.tinyai_js_report(Number(json), done) >>> 0
      if (count === 0) return report + utf8.decode()
      report += utf8.decode(unshared(buffer.subarray(0, count)), { stream: true })
      done += count
    }
  } finally {
    buffer.set(kept)
  }
}

/** Stop strings, each ended by a NUL, into the text buffer. */
export function putStops(engine: Engine, stops: readonly string[]): void {
  const bytes = encoder.encode(stops.map((stop) => `${stop}\0`).join(''))
  engine.bytes.set(bytes, engine.get(abi.Exchange.text_address))
}
