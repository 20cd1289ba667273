// Reads the header of a file into a throw-away instance, as much of it as the engine turns out to need.
import * as abi from './abi.js'
import type { ByteSource } from './byte-source.js'
import { Engine } from './engine.js'
import { TinyAIError, throwIfAborted } from './errors.js'
import type { Progress } from './types.js'

/** Where each read is a request, two must do for most headers, at the price of reading past a shorter one. */
const FIRST_REQUEST_BYTES = 1 << 20
/** Elsewhere each try reads as much as the one before proved the header to have, so nothing else is read. */
const COUNTS_BYTES = 24
/** A longer header gets a larger instance, with room for four times what is known of it. */
const FIRST_ROOM_BYTES = 1 << 18
/** The static data and stack of the module are below this: it is linked with so much initial memory. */
const PROGRAM_BYTES = 256 << 10
/** What an engine answers that needs more of the header. */
const MORE = 1

export interface Header {
  engine: Engine
  /** The first bytes of the file, in the memory of the engine. */
  header: Uint8Array
}

/** parse: gives the header to the engine; its status. Behind the header lies scratch memory of four times its size. */
export async function readHeader(
  module: WebAssembly.Module,
  source: ByteSource,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
  parse: (engine: Engine, header: Uint8Array) => number,
): Promise<Header> {
  if (source.size === 0) {
    const message = `${source.name}: the file is empty; pass a GGUF or TMAI file`
    throw new TinyAIError('E_TRUNCATED', message, { url: source.name, offset: 0 })
  }
  let have = 0
  let { engine, header } = await roomFor(module, FIRST_ROOM_BYTES)
  for (let bytes = source.mergeReads ? FIRST_REQUEST_BYTES : COUNTS_BYTES; ; ) {
    const length = Math.min(bytes, source.size)
    if (length > header.length) {
      const before = header.subarray(0, have)
      ;({ engine, header } = await roomFor(module, 4 * length))
      header.set(before)
    }
    onProgress({ stage: 'header', loaded: have, total: length })
    await source.read([{ offset: have, into: header.subarray(have, length) }], signal)
    throwIfAborted(signal)
    onProgress({ stage: 'header', loaded: length, total: length })

    const given = header.subarray(0, length)
    if (engine.check(parse(engine, given), source.name) !== MORE) return { engine, header: given }
    if (length === source.size) {
      const message = `${source.name}: the engine asks for more than the ${length} bytes of the file`
      throw new TinyAIError('E_TRUNCATED', message, { url: source.name, offset: length })
    }
    have = length
    const least = engine.get(abi.Plan.header_bytes, engine.address(abi.Exchange.plan))
    bytes = source.mergeReads ? Math.max(least, 4 * length) : least
  }
}

/** An instance with room for so much of a header, and for what the engine makes of it. */
async function roomFor(module: WebAssembly.Module, length: number): Promise<Header> {
  const engine = await Engine.create(module, PROGRAM_BYTES + 5 * length + (1 << 20))
  return { engine, header: room(engine, length) }
}

function room(engine: Engine, length: number): Uint8Array {
  const address = engine.wasm.tinyai_js_program_bytes() >>> 0
  if (address > PROGRAM_BYTES) {
    throw new TinyAIError('E_INTERNAL', 'the program is larger than it was linked for')
  }
  return engine.bytes.subarray(address, address + length)
}
