// Converting between GGUF and TMAI. The engine says what goes where and computes hashes and headers; here bytes are read
// and written, through memory that does not grow with the model.
import * as abi from './abi.js'
import type { ByteSource } from './byte-source.js'
import { Engine, PAGE_BYTES } from './engine.js'
import { TinyAIError, throwIfAborted } from './errors.js'
import { readHeader } from './header.js'
import { formatSize } from './size.js'
import type { Progress, TensorLayout } from './types.js'

export type ModelFormat = 'gguf' | 'tmai'

/** Where the converted file goes: under its name when it is complete, or not at all. */
export interface Target {
  /** Makes it so long; what is never written is zero. */
  resize(bytes: number): Promise<void>
  /** Writes all of the bytes, and has no use for them afterwards. */
  write(offset: number, bytes: Uint8Array): Promise<void>
  commit(): Promise<void>
  abandon(): Promise<void>
}

export interface Conversion {
  format: ModelFormat
  tensors: number
  headerBytes: number
  fileBytes: number
  /** WebAssembly memory of the conversion, the program included. */
  peakBytes: number
}

export interface ConvertOptions {
  /** Bytes of WebAssembly memory, whole pages of which are used; undefined: what the header needs, and 1 MiB. */
  memoryBudget?: number | undefined
  /** Of quantized matrices in TMAI. */
  layout: TensorLayout
  onProgress(progress: Progress): void
  signal: AbortSignal
}

/** open: the target, once its format is known. */
export async function convertModel(
  module: WebAssembly.Module,
  source: ByteSource,
  open: (format: ModelFormat) => Promise<Target>,
  options: ConvertOptions,
): Promise<Conversion> {
  const engine = await begin(module, source, options)
  const base = engine.wasm.tinyai_js_conversion() >>> 0
  const get = (field: { at: number; type: 'u32' | 'u64' }) => engine.get(field, base)
  const format = abi.MODEL_FORMATS[get(abi.Conversion.format)] ?? 'gguf'
  const target = await open(format)
  try {
    await target.resize(get(abi.Conversion.target_bytes))
    await copyAll(engine, base, source, target, options)
    const header = get(abi.Conversion.header)
    const headerBytes = get(abi.Conversion.header_bytes)
    await target.write(0, engine.bytes.subarray(header, header + headerBytes))
    throwIfAborted(options.signal)
    await target.commit()
    return {
      format,
      tensors: get(abi.Conversion.n_tensors),
      headerBytes,
      fileBytes: get(abi.Conversion.target_bytes),
      peakBytes: engine.memoryBytes,
    }
  } catch (error) {
    await target.abandon()
    throw error
  }
}

async function copyAll(
  engine: Engine,
  base: number,
  source: ByteSource,
  target: Target,
  { onProgress, signal }: ConvertOptions,
): Promise<void> {
  const fields = abi.Conversion
  const get = (field: { at: number; type: 'u32' | 'u64' }) => engine.get(field, base)
  const buffer = get(fields.buffer)
  while (engine.check(engine.wasm.tinyai_js_convert_next(), source.name) === 1) {
    const into = get(fields.into)
    const bytes = engine.bytes.subarray(into, into + get(fields.bytes))
    await source.read([{ offset: get(fields.from), into: bytes }], signal)
    throwIfAborted(signal)
    engine.check(engine.wasm.tinyai_js_convert_moved(), source.name)
    const toBytes = get(fields.to_bytes)
    if (toBytes > 0) {
      await target.write(get(fields.to), engine.bytes.subarray(buffer, buffer + toBytes))
    }
    onProgress({
      stage: 'weights',
      loaded: get(fields.moved_bytes),
      total: get(fields.total_bytes),
    })
  }
}

/** Measures in one instance, and begins in one of exactly that size. */
async function begin(
  module: WebAssembly.Module,
  source: ByteSource,
  { memoryBudget, layout, onProgress, signal }: ConvertOptions,
): Promise<Engine> {
  const { engine: measured, header } = await readHeader(
    module,
    source,
    onProgress,
    signal,
    (engine, bytes) => {
      engine.set(abi.Exchange.file_bytes, source.size)
      return engine.wasm.tinyai_js_convert_measure(
        bytes.byteOffset,
        bytes.length,
        engine.memoryBytes,
        abi.TENSOR_LAYOUTS.indexOf(layout),
      )
    },
  )
  const base = measured.wasm.tinyai_js_conversion() >>> 0
  const needed = measured.get(abi.Conversion.needed_bytes, base)
  const leastBuffer = measured.get(abi.Conversion.least_buffer, base)
  const headerBytes = measured.get(abi.Conversion.source_header_bytes, base)
  const memoryBytes = memoryFor(needed, leastBuffer, memoryBudget, source.name)
  const engine = await Engine.create(module, memoryBytes)
  engine.set(abi.Exchange.file_bytes, source.size)
  engine.bytes.set(header.subarray(0, headerBytes), abi.CONVERT_HEADER)
  const status = engine.wasm.tinyai_js_convert_begin(
    headerBytes,
    engine.memoryBytes,
    abi.TENSOR_LAYOUTS.indexOf(layout),
  )
  engine.check(status, source.name)
  return engine
}

/** What the module is linked with: a smaller memory does not fit its import. */
const LEAST_MEMORY = 256 << 10

const pages = (bytes: number) => Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES

function memoryFor(
  needed: number,
  leastBuffer: number,
  budget: number | undefined,
  url: string,
): number {
  const most = pages(needed + Math.max(abi.CONVERT_BUFFER, leastBuffer))
  if (budget === undefined) return most
  const least = pages(Math.max(needed + leastBuffer, LEAST_MEMORY))
  if (budget >= least) return Math.min(budget - (budget % PAGE_BYTES), most)
  const missing = least - budget
  const message = `${url}: converting it needs at least ${least} bytes (${formatSize(least)}), ${budget} are allowed: ${missing} are missing`
  throw new TinyAIError('E_BUDGET', message, { url, asked: least, allowed: budget, missing })
}
