// What the header of a file says: metadata and tensors, whether or not this version can run the model.
import * as abi from './abi.js'
import type { ByteSource } from './byte-source.js'
import type { Engine } from './engine.js'
import { readHeader } from './header.js'
import { readText } from './text.js'
import type { Inspection, MetadataValue, Progress, TensorInfo } from './types.js'

export async function inspectModel(
  module: WebAssembly.Module,
  source: ByteSource,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Inspection> {
  const { engine, header } = await readHeader(
    module,
    source,
    onProgress,
    signal,
    (engine, bytes) => {
      engine.set(abi.Exchange.file_bytes, source.size)
      return engine.wasm.tinyai_js_inspect(bytes.byteOffset, bytes.length, engine.memoryBytes)
    },
  )
  const view = new DataView(header.buffer, header.byteOffset, header.length)
  const base = engine.wasm.tinyai_js_inspect_header() >>> 0
  const count = (field: { at: number; type: 'u32' }) => engine.get(field, base)
  return {
    format:
      abi.MODEL_FORMATS[engine.get(abi.InspectHeader.format, base)] === 'tmai' ? 'TMAI' : 'GGUF',
    version: engine.get(abi.InspectHeader.version, base),
    alignment: engine.get(abi.InspectHeader.alignment, base),
    fileBytes: source.size,
    headerBytes: engine.get(abi.InspectHeader.header_bytes, base),
    dataOffset: engine.get(abi.InspectHeader.data_off, base),
    metadata: Object.fromEntries(
      list(count(abi.InspectHeader.n_keys), (index) => readKey(engine, view, index)),
    ),
    tensors: list(count(abi.InspectHeader.n_tensors), (index) => readTensor(engine, view, index)),
  }
}

function list<T>(length: number, item: (index: number) => T): T[] {
  return Array.from({ length }, (_, index) => item(index))
}

/** header: the first bytes of the file. */
function readKey(engine: Engine, header: DataView, index: number): [string, MetadataValue] {
  const base = engine.wasm.tinyai_js_inspect_key(index) >>> 0
  const get = (field: { at: number; type: 'u32' | 'u64' }) => engine.get(field, base)
  const text = (off: number, bytes: number) => readText(engine, header.byteOffset + off, bytes)
  const key = text(get(abi.InspectKey.key_off), get(abi.InspectKey.key_bytes))
  const off = get(abi.InspectKey.value_off)
  const type = abi.GGUF_TYPES[get(abi.InspectKey.type)]
  switch (type) {
    case 'string':
      return [key, text(off, get(abi.InspectKey.value_bytes))]
    case 'array': {
      const arrayOf = abi.GGUF_TYPES[get(abi.InspectKey.item_type)] ?? 'unknown'
      return [key, { arrayOf, length: get(abi.InspectKey.n_items) }]
    }
    case 'bool':
      return [key, header.getUint8(off) !== 0]
    case 'u64':
      return [key, Number(header.getBigUint64(off, true))]
    case 'i64':
      return [key, Number(header.getBigInt64(off, true))]
    default:
      return [key, type === undefined ? Number.NaN : NUMBERS[type](header, off)]
  }
}

const NUMBERS: Record<
  'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'f64',
  (view: DataView, at: number) => number
> = {
  u8: (view, at) => view.getUint8(at),
  i8: (view, at) => view.getInt8(at),
  u16: (view, at) => view.getUint16(at, true),
  i16: (view, at) => view.getInt16(at, true),
  u32: (view, at) => view.getUint32(at, true),
  i32: (view, at) => view.getInt32(at, true),
  f32: (view, at) => view.getFloat32(at, true),
  f64: (view, at) => view.getFloat64(at, true),
}

function readTensor(engine: Engine, header: DataView, index: number): TensorInfo {
  const base = engine.wasm.tinyai_js_inspect_tensor(index) >>> 0
  const f = abi.InspectTensor
  const get = (field: { at: number; type: 'u32' | 'u64' }, item = 0) =>
    engine.get(field, base, item)
  const name = header.byteOffset + get(f.name_off)
  const type = get(f.type_address)
  return {
    name: readText(engine, name, get(f.name_bytes)),
    type: readText(engine, type, engine.bytes.indexOf(0, type) - type),
    layout: abi.TENSOR_LAYOUTS[get(f.layout)] ?? 'rows',
    shape: list(get(f.n_dims), (dimension) => get(f.dims, dimension)),
    offset: get(f.off),
    bytes: get(f.bytes),
  }
}
