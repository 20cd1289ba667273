// Writes GGUF files, version 2 and 3, little-endian. It owns the encoding only and checks nothing, so that tests can
// also write files that are wrong on purpose. The block table is kept apart from the engine's: a size that is wrong
// there must not be wrong here as well.
//
//   header   "GGUF", u32 version, u64 tensor count, u64 key count
//   keys     string key, u32 value type, value           (string = u64 bytes, UTF-8; array = u32 type, u64 count, items)
//   tensors  string name, u32 dims, u64 dim[dims], u32 type, u64 offset from the start of the data section
//   data     padded to the alignment, then each tensor, padded to the alignment

/** Weight formats: number in the file, values and bytes of one block. */
export const BLOCK_TYPES = {
  F32: { id: 0, values: 1, bytes: 4 },
  F16: { id: 1, values: 1, bytes: 2 },
  Q4_0: { id: 2, values: 32, bytes: 18 },
  Q4_1: { id: 3, values: 32, bytes: 20 },
  Q5_0: { id: 6, values: 32, bytes: 22 },
  Q5_1: { id: 7, values: 32, bytes: 24 },
  Q8_0: { id: 8, values: 32, bytes: 34 },
  Q2_K: { id: 10, values: 256, bytes: 84 },
  Q3_K: { id: 11, values: 256, bytes: 110 },
  Q4_K: { id: 12, values: 256, bytes: 144 },
  Q5_K: { id: 13, values: 256, bytes: 176 },
  Q6_K: { id: 14, values: 256, bytes: 210 },
  IQ2_XXS: { id: 16, values: 256, bytes: 66 }, // has no kernels
  IQ4_NL: { id: 20, values: 32, bytes: 18 },
  IQ4_XS: { id: 23, values: 256, bytes: 136 },
  BF16: { id: 30, values: 1, bytes: 2 },
}

/** Types of metadata values; the position is the number in the file. */
export const VALUE_TYPES = [
  'u8',
  'i8',
  'u16',
  'i16',
  'u32',
  'i32',
  'f32',
  'bool',
  'string',
  'array',
  'u64',
  'i64',
  'f64',
]

const utf8 = new TextEncoder()

/** A growing little-endian buffer. */
class Bytes {
  #buffer = new Uint8Array(1 << 16)
  #length = 0

  #room(bytes) {
    if (this.#length + bytes > this.#buffer.length) {
      const larger = new Uint8Array(2 * (this.#length + bytes))
      larger.set(this.#buffer.subarray(0, this.#length))
      this.#buffer = larger
    }
    const at = this.#length
    this.#length += bytes
    return at
  }

  raw(bytes) {
    const at = this.#room(bytes.length) // first: it may replace the buffer
    this.#buffer.set(bytes, at)
  }

  number(type, value) {
    const bytes = {
      u8: 1,
      i8: 1,
      bool: 1,
      u16: 2,
      i16: 2,
      u32: 4,
      i32: 4,
      f32: 4,
      u64: 8,
      i64: 8,
      f64: 8,
    }[type]
    const at = this.#room(bytes)
    const view = new DataView(this.#buffer.buffer, at, bytes)
    if (type === 'f32') view.setFloat32(0, value, true)
    else if (type === 'f64') view.setFloat64(0, value, true)
    else if (bytes === 8) view.setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true)
    else if (bytes === 4) view.setUint32(0, Number(value), true)
    else if (bytes === 2) view.setUint16(0, Number(value), true)
    else view.setUint8(0, Number(value))
  }

  string(text) {
    const bytes = typeof text === 'string' ? utf8.encode(text) : text
    this.number('u64', bytes.length)
    this.raw(bytes)
  }

  done() {
    return this.#buffer.slice(0, this.#length)
  }
}

function putValue(out, type, value) {
  if (type === 'raw') {
    // a test's own type number and bytes
    out.number('u32', value.type)
    out.raw(value.bytes)
  } else if (type.endsWith('[]')) {
    const item = type.slice(0, -2)
    out.number('u32', VALUE_TYPES.indexOf('array'))
    out.number('u32', VALUE_TYPES.indexOf(item))
    out.number('u64', value.length)
    for (const v of value) item === 'string' ? out.string(v) : out.number(item, v)
  } else {
    out.number('u32', VALUE_TYPES.indexOf(type))
    type === 'string' ? out.string(value) : out.number(type, value)
  }
}

/** Bytes of a tensor: dims[0] is the row, which holds whole blocks. */
export function tensorBytes(type, dims) {
  const block = BLOCK_TYPES[type]
  if (!block) throw new Error(`unknown weight type ${type}`)
  if (dims[0] % block.values)
    throw new Error(`rows of ${dims[0]} values do not hold whole ${type} blocks of ${block.values}`)
  return (dims.reduce((product, n) => product * n, 1) / block.values) * block.bytes
}

const padded = (bytes, alignment) => Math.ceil(bytes / alignment) * alignment

/** Gives each tensor its `bytes` and `offset`, in order; `gap` leaves that many alignments free between two. */
export function placeTensors(tensors, alignment, gap = 0) {
  let offset = 0
  for (const t of tensors) {
    t.bytes = tensorBytes(t.type, t.dims)
    t.offset = offset
    offset += padded(t.bytes, alignment) + gap * alignment
  }
}

/**
 * Everything before the data section, its padding included.
 * kv: [key, type, value]; type is one of VALUE_TYPES but array, with `[]` behind it for an array, or 'raw' with
 * {type, bytes}. tensors: {name, dims, type, offset}; type may be a number. magic, keyCount, tensorCount and
 * a tensor's dimCount are there to lie with.
 */
export function encodeHeader({
  magic = 'GGUF',
  version = 3,
  kv,
  tensors,
  alignment = 32,
  keyCount = kv.length,
  tensorCount = tensors.length,
}) {
  const out = new Bytes()
  out.raw(utf8.encode(magic))
  out.number('u32', version)
  out.number('u64', tensorCount)
  out.number('u64', keyCount)
  for (const [key, type, value] of kv) {
    out.string(key)
    putValue(out, type, value)
  }
  for (const t of tensors) {
    out.string(t.name)
    out.number('u32', t.dimCount ?? t.dims.length)
    for (const n of t.dims) out.number('u64', n)
    out.number('u32', BLOCK_TYPES[t.type]?.id ?? t.type)
    out.number('u64', t.offset)
  }
  const header = out.done()
  const whole = new Uint8Array(padded(header.length, alignment))
  whole.set(header)
  return whole
}

const CHUNK_BYTES = 1 << 20

/**
 * Calls write(bytes) for the whole file in order, at most 1 MiB of weights at a time. Each tensor has
 * fill(bytes, block, count): write `count` whole blocks, the first of which is number `block` of the tensor.
 */
export function writeGguf(model, write) {
  const { tensors, alignment = 32 } = model
  const header = encodeHeader(model)
  write(header)
  let end = 0
  for (const t of tensors) {
    if (t.offset > end) write(new Uint8Array(t.offset - end))
    const blockBytes = BLOCK_TYPES[t.type].bytes
    const perChunk = Math.floor(CHUNK_BYTES / blockBytes / 4) * 4 // whole 32-bit words whatever the block
    const blocks = t.bytes / blockBytes
    for (let block = 0; block < blocks; block += perChunk) {
      const count = Math.min(perChunk, blocks - block)
      const bytes = new Uint8Array(count * blockBytes)
      t.fill(bytes, block, count)
      write(bytes)
    }
    const last = padded(t.bytes, alignment) - t.bytes
    if (last) write(new Uint8Array(last))
    end = t.offset + t.bytes + last
  }
  return header.length + end
}
