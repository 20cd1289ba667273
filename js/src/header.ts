// Reads the header of a file into a throw-away instance, as much of it as the engine turns out to need.
import type { ByteSource } from './byte-source.js'
import { Engine } from './engine.js'
import { TinyAIError, throwIfAborted } from './errors.js'
import type { Progress } from './types.js'

/** Most headers are shorter; if not, each try takes four times as much. */
const FIRST_READ_BYTES = 1 << 20
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
    const message = `${source.name}: the file is empty; pass a GGUF file`
    throw new TinyAIError('E_TRUNCATED', message, { url: source.name, offset: 0 })
  }
  let before: Uint8Array = new Uint8Array(0) // what the last try had of it
  for (let bytes = FIRST_READ_BYTES; ; bytes *= 4) {
    const length = Math.min(bytes, source.size)
    const engine = await Engine.create(module, PROGRAM_BYTES + 5 * length + (1 << 20))
    const header = room(engine, length)
    header.set(before)
    onProgress({ stage: 'header', loaded: before.length, total: length })
    const rest = { offset: before.length, into: header.subarray(before.length) }
    await source.read([rest], signal)
    throwIfAborted(signal)
    onProgress({ stage: 'header', loaded: length, total: length })

    if (engine.check(parse(engine, header), source.name) !== MORE) return { engine, header }
    if (length === source.size) {
      const message = `${source.name}: the engine asks for more than the ${length} bytes of the file`
      throw new TinyAIError('E_TRUNCATED', message, { url: source.name, offset: length })
    }
    before = header
  }
}

function room(engine: Engine, length: number): Uint8Array {
  const address = engine.wasm.tinyai_js_program_bytes() >>> 0
  if (address > PROGRAM_BYTES) {
    throw new TinyAIError('E_INTERNAL', 'the program is larger than it was linked for')
  }
  return engine.bytes.subarray(address, address + length)
}
