// Takes a good GGUF file apart into what encodeHeader takes, so that a test can change one thing and put it together
// again. It trusts the file: only for files the tests made themselves.
import { BLOCK_TYPES, encodeHeader, VALUE_TYPES } from './gguf-writer.mjs'

const typeNames = Object.fromEntries(
  Object.entries(BLOCK_TYPES).map(([name, { id }]) => [id, name]),
)

/** {version, alignment, kv, tensors, data}: data is the data section. Strings stay bytes where they are not UTF-8. */
export function readGguf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 4
  const next = (size) => {
    at += size
    return at - size
  }
  const take = {
    u8: () => view.getUint8(next(1)),
    i8: () => view.getInt8(next(1)),
    u16: () => view.getUint16(next(2), true),
    i16: () => view.getInt16(next(2), true),
    i64: () => view.getBigInt64(next(8), true),
    f64: () => view.getFloat64(next(8), true),
    u32: () => view.getUint32(next(4), true),
    i32: () => view.getInt32(next(4), true),
    f32: () => view.getFloat32(next(4), true),
    u64: () => Number(view.getBigUint64(next(8), true)),
    bool: () => view.getUint8(next(1)),
    string: () => {
      const length = take.u64()
      const start = next(length)
      const text = bytes.subarray(start, start + length)
      try {
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text)
      } catch {
        return text
      }
    },
  }
  const version = take.u32()
  const tensorCount = take.u64()
  const keyCount = take.u64()
  const kv = []
  for (let i = 0; i < keyCount; i++) {
    const key = take.string()
    const type = VALUE_TYPES[take.u32()]
    if (type !== 'array') {
      kv.push([key, type, take[type]()])
      continue
    }
    const item = VALUE_TYPES[take.u32()]
    const length = take.u64()
    kv.push([key, `${item}[]`, Array.from({ length }, take[item])])
  }
  const tensors = []
  for (let i = 0; i < tensorCount; i++) {
    const name = take.string()
    const dims = Array.from({ length: take.u32() }, take.u64)
    tensors.push({ name, dims, type: typeNames[take.u32()], offset: take.u64() })
  }
  const alignment = kv.find(([key]) => key === 'general.alignment')?.[2] ?? 32
  const data = bytes.subarray(Math.ceil(at / alignment) * alignment)
  return { version, alignment, kv, tensors, data }
}

/** The inverse of readGguf; it also takes what encodeHeader takes to lie with. */
export function joinGguf(file) {
  const header = encodeHeader(file)
  const whole = new Uint8Array(header.length + file.data.length)
  whole.set(header)
  whole.set(file.data, header.length)
  return whole
}
