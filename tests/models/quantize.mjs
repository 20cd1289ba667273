// Weights in all quantized formats, by the simplest quantizers there are: scales from the extremes of a block, quants to
// the nearest. Published files are made with more care; these are for comparing what engines compute with the same file.
// Numbers are doubles until they are stored and nothing depends on the machine, so a file is the same everywhere.
import { joinGguf, readGguf } from './gguf-reader.mjs'
import { BLOCK_TYPES, placeTensors } from './gguf-writer.mjs'
import { float16 } from './random-weights.mjs'

/** The value of a 16-bit float. */
export function fromFloat16(bits) {
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  const magnitude = exponent
    ? (1024 + fraction) * 2 ** (exponent - 25) // infinities and NaN do not come up
    : fraction * 2 ** -24
  return bits & 0x8000 ? -magnitude : magnitude
}

/** Stores a scale as f16 and returns what it has become. */
function putScale(block, at, value) {
  const bits = float16(value)
  block[at] = bits
  block[at + 1] = bits >> 8
  return fromFloat16(bits)
}

/** value / scale as an integer from lo to hi. */
function nearest(value, scale, lo, hi) {
  return scale === 0 ? 0 : Math.min(hi, Math.max(lo, Math.round(value / scale)))
}

/** The number of largest magnitude, with its sign. */
const extreme = (values) => values.reduce((most, v) => (Math.abs(v) > Math.abs(most) ? v : most), 0)

const IQ4_VALUES = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]

/** The index of the value of IQ4 nearest to value / scale. */
function nearestIq4(value, scale) {
  const wanted = scale === 0 ? 0 : value / scale
  let best = 0
  for (let i = 1; i < 16; i++)
    if (Math.abs(IQ4_VALUES[i] - wanted) < Math.abs(IQ4_VALUES[best] - wanted)) best = i
  return best
}

// ---- places of quants: q[j] is the unsigned quant of weight j of the block --------------------------------------------

/** Blocks of 32: low four bits of weight j in the low half of byte j, of weight j + 16 in the high half. */
function putNibbles(block, at, q) {
  for (let j = 0; j < 16; j++) block[at + j] = (q[j] & 15) | ((q[j + 16] & 15) << 4)
}

/** Bit `bit` of 32 quants as a little-endian number of 32 bits. */
function putBits32(block, at, q, bit) {
  for (let j = 0; j < 32; j++) block[at + (j >> 3)] |= ((q[j] >> bit) & 1) << (j & 7)
}

/** Blocks of 256, Q4_K and Q5_K: low four bits, run 2c of 32 weights under run 2c + 1. */
function putRunNibbles(block, at, q) {
  for (let i = 0; i < 256; i++)
    block[at + (i >> 6) * 32 + (i & 31)] |= (q[i] & 15) << (((i >> 5) & 1) * 4)
}

/** Two bits from bit `bit` on, Q2_K, Q3_K and Q6_K: per half of 128 weights 32 bytes, run r in bits 2r, 2r + 1. */
function putRunPairs(block, at, q, bit) {
  for (let i = 0; i < 256; i++)
    block[at + (i >> 7) * 32 + (i & 31)] |= ((q[i] >> bit) & 3) << (((i >> 5) & 3) * 2)
}

/** Bit `bit`, Q3_K and Q5_K: run s of 32 weights in bit s of 32 bytes. */
function putRunBits(block, at, q, bit) {
  for (let i = 0; i < 256; i++) block[at + (i & 31)] |= ((q[i] >> bit) & 1) << (i >> 5)
}

// ---- formats: each fills one zeroed block from the values of its weights ------------------------------------------------

/** Q4_0, Q5_0: d from the extreme, which becomes -2^(bits - 1). */
function signed32(bits, qsAt) {
  const offset = 2 ** (bits - 1)
  return (block, x) => {
    const d = putScale(block, 0, extreme(x) / -offset)
    const q = x.map((v) => nearest(v, d, -offset, offset - 1) + offset)
    putNibbles(block, qsAt, q)
    if (bits === 5) putBits32(block, 2, q, 4)
  }
}

/** Q4_1, Q5_1: from the minimum to the maximum. */
function ranged32(bits, qsAt) {
  const most = 2 ** bits - 1
  return (block, x) => {
    const d = putScale(block, 0, (Math.max(...x) - Math.min(...x)) / most)
    const m = putScale(block, 2, Math.min(...x))
    const q = x.map((v) => nearest(v - m, d, 0, most))
    putNibbles(block, qsAt, q)
    if (bits === 5) putBits32(block, 4, q, 4)
  }
}

function q8_0(block, x) {
  const d = putScale(block, 0, Math.abs(extreme(x)) / 127)
  for (let j = 0; j < 32; j++) block[2 + j] = nearest(x[j], d, -127, 127)
}

function iq4Nl(block, x) {
  const d = putScale(block, 0, extreme(x) / IQ4_VALUES[0])
  const q = x.map((v) => nearestIq4(v, d))
  putNibbles(block, 2, q)
}

const subBlocks = (x, size) =>
  Array.from({ length: 256 / size }, (_, s) => x.slice(s * size, (s + 1) * size))

/** Q2_K, Q4_K, Q5_K: from a minimum of at most 0 to the maximum, per sub-block; its scale and minimum as integers. */
function rangedK({ size, most, mostScale, dAt, put }) {
  return (block, x) => {
    const subs = subBlocks(x, size).map((values) => {
      const min = Math.min(0, ...values)
      return { scale: (Math.max(0, ...values) - min) / most, min: -min }
    })
    const d = putScale(block, dAt, Math.max(...subs.map(({ scale }) => scale)) / mostScale)
    const dmin = putScale(block, dAt + 2, Math.max(...subs.map(({ min }) => min)) / mostScale)
    const scales = subs.map(({ scale }) => nearest(scale, d, 0, mostScale))
    const minima = subs.map(({ min }) => nearest(min, dmin, 0, mostScale))
    const q = x.map((v, i) => {
      const s = Math.floor(i / size)
      return nearest(v + dmin * minima[s], d * scales[s], 0, most)
    })
    put(block, q, scales, minima)
  }
}

/** Scales and minima of Q4_K and Q5_K, 6 bits each. */
function putScalesQ4K(block, at, scales, minima) {
  for (let i = 0; i < 4; i++) {
    block[at + i] = scales[i] | ((scales[i + 4] >> 4) << 6)
    block[at + 4 + i] = minima[i] | ((minima[i + 4] >> 4) << 6)
    block[at + 8 + i] = (scales[i + 4] & 15) | ((minima[i + 4] & 15) << 4)
  }
}

const q2K = rangedK({
  size: 16,
  most: 3,
  mostScale: 15,
  dAt: 80,
  put(block, q, scales, minima) {
    for (let s = 0; s < 16; s++) block[s] = scales[s] | (minima[s] << 4)
    putRunPairs(block, 16, q, 0)
  },
})

const q4K = rangedK({
  size: 32,
  most: 15,
  mostScale: 63,
  dAt: 0,
  put(block, q, scales, minima) {
    putScalesQ4K(block, 4, scales, minima)
    putRunNibbles(block, 16, q)
  },
})

const q5K = rangedK({
  size: 32,
  most: 31,
  mostScale: 63,
  dAt: 0,
  put(block, q, scales, minima) {
    putScalesQ4K(block, 4, scales, minima)
    putRunBits(block, 16, q, 4)
    putRunNibbles(block, 48, q)
  },
})

/**
 * Q3_K, Q6_K, IQ4_XS: per sub-block a signed integer scale, which makes its extreme `lowest`; the extreme scale becomes
 * lowestScale. quant(value, scale) is the unsigned quant.
 */
function signedK({ size, lowest, lowestScale, dAt, quant, put }) {
  return (block, x) => {
    const wanted = subBlocks(x, size).map((values) => extreme(values) / lowest)
    const d = putScale(block, dAt, extreme(wanted) / lowestScale)
    const scales = wanted.map((scale) => nearest(scale, d, lowestScale, -lowestScale - 1))
    const q = x.map((v, i) => quant(v, d * scales[Math.floor(i / size)]))
    put(block, q, scales)
  }
}

const q3K = signedK({
  size: 16,
  lowest: -4,
  lowestScale: -32,
  dAt: 108,
  quant: (v, scale) => nearest(v, scale, -4, 3) + 4,
  put(block, q, scales) {
    putRunBits(block, 0, q, 2)
    putRunPairs(block, 32, q, 0)
    for (let i = 0; i < 16; i++) {
      const s = scales[i] + 32
      block[96 + (i & 7)] |= (s & 15) << ((i >> 3) * 4)
      block[104 + (i & 3)] |= (s >> 4) << ((i >> 2) * 2)
    }
  },
})

const q6K = signedK({
  size: 16,
  lowest: -32,
  lowestScale: -128,
  dAt: 208,
  quant: (v, scale) => nearest(v, scale, -32, 31) + 32,
  put(block, q, scales) {
    // Low four bits: runs 0 and 1 of a half under runs 2 and 3.
    for (let i = 0; i < 256; i++)
      block[(i >> 7) * 64 + (i & 63)] |= (q[i] & 15) << (((i >> 6) & 1) * 4)
    putRunPairs(block, 128, q, 4)
    for (let i = 0; i < 16; i++) block[192 + i] = scales[i]
  },
})

const iq4Xs = signedK({
  size: 32,
  lowest: IQ4_VALUES[0],
  lowestScale: -32,
  dAt: 0,
  quant: nearestIq4,
  put(block, q, scales) {
    for (let i = 0; i < 8; i++) {
      const s = scales[i] + 32
      block[4 + (i >> 1)] |= (s & 15) << ((i & 1) * 4)
      block[2 + (i >> 2)] |= (s >> 4) << ((i & 3) * 2)
      putNibbles(block, 8 + 16 * i, q.slice(32 * i, 32 * i + 32))
    }
  },
})

const QUANTIZERS = {
  Q4_0: signed32(4, 2),
  Q4_1: ranged32(4, 4),
  Q5_0: signed32(5, 6),
  Q5_1: ranged32(5, 8),
  Q8_0: q8_0,
  IQ4_NL: iq4Nl,
  Q2_K: q2K,
  Q3_K: q3K,
  Q4_K: q4K,
  Q5_K: q5K,
  Q6_K: q6K,
  IQ4_XS: iq4Xs,
}

/** The formats there are. */
export const QUANTIZED_TYPES = Object.keys(QUANTIZERS)

/** values: numbers, whole blocks of the type. */
export function quantize(type, values) {
  const { values: size, bytes } = BLOCK_TYPES[type]
  const out = new Uint8Array((values.length / size) * bytes)
  for (let b = 0; b * size < values.length; b++)
    QUANTIZERS[type](
      out.subarray(b * bytes, (b + 1) * bytes),
      Array.from(values.subarray(b * size, (b + 1) * size)),
    )
  return out
}

function float16Values(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Float64Array.from({ length: bytes.length / 2 }, (_, i) =>
    fromFloat16(view.getUint16(2 * i, true)),
  )
}

/** A GGUF file (its bytes) with its F16 matrices in another format. */
export function requantized(gguf, type) {
  const file = readGguf(gguf)
  const parts = file.tensors.map(({ name, dims, type: from, offset }) => {
    const count = dims.reduce((product, n) => product * n, 1)
    const bytes = file.data.subarray(offset, offset + count * BLOCK_TYPES[from].bytes)
    if (from !== 'F16') return { name, dims, type: from, data: bytes }
    return { name, dims, type, data: quantize(type, float16Values(bytes)) }
  })
  placeTensors(parts, file.alignment)
  const last = parts.at(-1)
  const data = new Uint8Array(
    Math.ceil((last.offset + last.bytes) / file.alignment) * file.alignment,
  )
  for (const part of parts) data.set(part.data, part.offset)
  return joinGguf({ ...file, tensors: parts, data })
}
