// Every SIMD128 kernel gives the bits of the reference: random and extreme inputs, odd shapes.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'

const file =
  process.env.TINYAI_KERNELS_TEST ??
  new URL('../../build/emscripten/tinyai-kernels-test.wasm', import.meta.url)
const memory = new WebAssembly.Memory({ initial: 64, maximum: 64 })
const wasm = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), {
  env: { memory },
}).exports

const CASES = Number(process.env.CASES ?? 6000)
const ops = ['matmul', 'dequantize', 'attend', 'rms_norm', 'rope', 'add', 'swiglu']

function describe(seed) {
  const [n, rows, tokens, begin, end] = new Uint32Array(memory.buffer, wasm.case_shape_of(seed), 5)
  const what = `seed ${seed}: ${ops[wasm.case_op(seed)]}, type ${wasm.case_type(seed)}, profile ${wasm.case_profile(seed)}`
  return `${what}, n ${n}, rows ${rows}, tokens ${tokens}, begin ${begin}, end ${end}`
}

test('simd128 equals the reference bit for bit', () => {
  const covered = new Set()
  const bad = []
  for (let seed = 0; seed < CASES; seed++) {
    covered.add(`${ops[wasm.case_op(seed)]} ${wasm.case_type(seed)}`)
    const mismatches = wasm.case_mismatches(seed)
    if (mismatches) bad.push(`${mismatches} of ${describe(seed)}`)
  }
  assert.deepEqual(bad.slice(0, 10), [])
  for (const type of [0, 1, 30, 2, 6, 8, 12, 14])
    for (const op of ['matmul', 'dequantize'])
      assert.ok(covered.has(`${op} ${type}`), `${op} of type ${type} was not tested`)
  for (const op of ops)
    assert.ok(
      [...covered].some((c) => c.startsWith(op)),
      `${op} was not tested`,
    )
})

test('the reference gives the same bits natively and in wasm', () => {
  assert.equal(wasm.reference_hash_is_right(), 1)
})

test('the comparison sees a single bit', () => {
  assert.equal(wasm.comparison_sees_one_bit(), 1)
})
