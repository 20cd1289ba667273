// Random weights, made directly in the format of the file: random quants under small scales. A weight depends only on
// (seed, tensor, position), so a file is the same however it is cut into chunks.
import { BLOCK_TYPES } from './gguf-writer.mjs'

/** The 32-bit finaliser of MurmurHash3 (public domain): every input bit reaches every output bit. */
function mix(x) {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return x ^ (x >>> 16)
}

/** A counter-based generator: i -> 32 random bits, the same for the same (seed, stream). */
export function randomWords(seed, stream) {
  const a = mix(seed ^ 0x9e3779b9)
  const b = mix(mix(stream + 0x7f4a7c15) + a)
  return (i) => mix(mix(i ^ a) + b) >>> 0
}

const floats = new Float32Array(1)
const floatBits = new Uint32Array(floats.buffer)

/** The bits of the nearest 16-bit float, ties to even. */
export function float16(value) {
  floats[0] = value
  const bits = floatBits[0]
  const sign = (bits >>> 16) & 0x8000
  const exponent = (bits >>> 23) & 0xff
  if (exponent > 142 || exponent < 102) return sign | (exponent > 142 ? 0x7c00 : 0) // beyond 65504, below half a step
  const normal = exponent > 112
  const steps = (bits & 0x7fffff) | (normal ? 0 : 0x800000)
  const shift = normal ? 13 : 126 - exponent
  const low = (normal ? (exponent - 112) << 10 : 0) | (steps >>> shift)
  const rest = steps & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  return sign | (low + (rest > half || (rest === half && low & 1) ? 1 : 0)) // a carry runs into the exponent, as it should
}

// Where the f16 scales of a block are, and the factor that turns a wanted standard deviation into them, all other bytes
// being uniformly random. A minus sign in half of the scales takes the mean to zero, as the formats' own signs do.
//   Q4_0    d (q - 8)          q 0..15            4.61 = deviation of q
//   Q4_1    d q + m            q 0..15            4.61, m = -7.5 d balances the mean
//   Q5_0    d (q - 16)         q 0..31            9.23
//   Q5_1    d q + m            q 0..31            9.23, m = -15.5 d
//   Q8_0    d q                q -128..127       73.9
//   IQ4_NL  d v                v its 16 values   67.2
//   Q2_K    d s q - e m        s, m 0..15        13.9 with e = 1.5 d, which balances the mean of q
//   Q3_K    d (s - 32) (q - 4) s 0..63, q 0..7   43.3
//   Q4_K    d s q - e m        s, m 0..63       258 with e = 7.5 d
//   Q5_K    d s q - e m        s, m 0..63       527 with e = 15.5 d
//   Q6_K    d s (q - 32)       s -128..127       18.5 * 73.9
//   IQ4_XS  d (s - 32) v       s 0..63         1246
const SCALES = {
  Q4_0: { signed: true, at: [[0, 1 / 4.61]] },
  Q4_1: {
    signed: true,
    at: [
      [0, 1 / 4.61],
      [2, -7.5 / 4.61],
    ],
  },
  Q5_0: { signed: true, at: [[0, 1 / 9.23]] },
  Q5_1: {
    signed: true,
    at: [
      [0, 1 / 9.23],
      [2, -15.5 / 9.23],
    ],
  },
  Q8_0: { signed: true, at: [[0, 1 / 73.9]] },
  IQ4_NL: { signed: true, at: [[0, 1 / 67.2]] },
  Q2_K: {
    signed: false,
    at: [
      [80, 1 / 13.9],
      [82, 1.5 / 13.9],
    ],
  },
  Q3_K: { signed: false, at: [[108, 1 / 43.3]] },
  Q4_K: {
    signed: false,
    at: [
      [0, 1 / 258],
      [2, 7.5 / 258],
    ],
  },
  Q5_K: {
    signed: false,
    at: [
      [0, 1 / 527],
      [2, 15.5 / 527],
    ],
  },
  Q6_K: { signed: false, at: [[208, 1 / 1366]] },
  IQ4_XS: { signed: false, at: [[0, 1 / 1246]] },
}

function fillQuantized({ signed, at }, blockBytes, words, deviation) {
  return (bytes, block, count) => {
    const first = (block * blockBytes) / 4
    const target = new Uint32Array(bytes.buffer, 0, bytes.length >> 2)
    for (let i = 0; i < target.length; i++) target[i] = words(first + i)
    for (let i = target.length * 4; i < bytes.length; i++)
      bytes[i] = words(first + target.length) >>> ((i % 4) * 8)
    for (let i = 0; i < count; i++) {
      const bits = words(0x80000000 + block + i) // the upper half of the counters is free: no tensor has 2^31 words
      const vary = 0.75 + (bits & 0xffff) / 0x20000 // no two blocks alike
      const sign = signed && bits >>> 31 ? -1 : 1
      for (const [offset, unit] of at) {
        const half = float16(sign * vary * unit * deviation)
        bytes[i * blockBytes + offset] = half
        bytes[i * blockBytes + offset + 1] = half >> 8
      }
    }
  }
}

/** A fill function (see writeGguf) of uniformly random values: mean, and standard deviation around it. */
export function randomFill(type, seed, stream, deviation, mean = 0) {
  const words = randomWords(seed, stream)
  if (SCALES[type]) return fillQuantized(SCALES[type], BLOCK_TYPES[type].bytes, words, deviation)
  const width = (deviation * Math.sqrt(12)) / 2 ** 32
  const value = (i) => mean + (words(i) - 2 ** 31) * width
  return (bytes, block, count) => {
    const view = new DataView(bytes.buffer)
    for (let i = 0; i < count; i++) {
      const v = value(block + i)
      if (type === 'F32') view.setFloat32(4 * i, v, true)
      else if (type === 'F16') view.setUint16(2 * i, float16(v), true)
      else {
        floats[0] = v
        view.setUint16(2 * i, floatBits[0] >>> 16, true) // BF16: the upper half of an F32
      }
    }
  }
}
