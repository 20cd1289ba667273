// Every kernel of a wasm module gives the bits of the reference: random and extreme inputs, odd shapes.
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
const ops = ['matmul', 'panels', 'dequantize', 'attend', 'rms_norm', 'rope', 'add', 'swiglu']
const tiers = { simd128: 1 } // TaiTier
const floats = [0, 1, 30] // GGUF type ids
const panelled = [2, 3, 6, 7, 8, 10, 11, 12, 13, 14, 20, 23]

function describe(seed) {
  const shape = new Uint32Array(memory.buffer, wasm.case_shape_of(seed), 6)
  const [n, rows, tokens, begin, end, wProfile] = shape
  const what = `seed ${seed}: ${ops[wasm.case_op(seed)]}, type ${wasm.case_type(seed)}`
  const profiles = `profiles ${wasm.case_profile(seed)} and ${wProfile}`
  return `${what}, ${profiles}, n ${n}, rows ${rows}, tokens ${tokens}, begin ${begin}, end ${end}`
}

for (const [name, tier] of Object.entries(tiers)) {
  test(`${name} equals the reference bit for bit`, () => {
    const covered = new Set()
    const bad = []
    let panels = false
    for (let seed = 0; seed < CASES; seed++) {
      if (!wasm.case_is_in(tier, seed)) continue
      covered.add(`${ops[wasm.case_op(seed)]} ${wasm.case_type(seed)}`)
      panels ||= ops[wasm.case_op(seed)] === 'panels'
      const mismatches = wasm.case_mismatches(tier, seed)
      if (mismatches) bad.push(`${mismatches} of ${describe(seed)}`)
    }
    assert.deepEqual(bad.slice(0, 10), [])
    const wanted = [
      ...floats.map((type) => `matmul ${type}`),
      ...(panels ? panelled.map((type) => `panels ${type}`) : []),
      ...[...floats, ...panelled].map((type) => `dequantize ${type}`),
    ]
    for (const what of wanted) assert.ok(covered.has(what), `${what} was not tested`)
    for (const op of ops)
      assert.ok(
        [...covered].some((c) => c.startsWith(op)) || (op === 'panels' && !panels),
        `${op} was not tested`,
      )
  })
}

test('lanes mean what they mean natively', () => {
  assert.equal(wasm.lanes_mismatches(500), 0)
})

test('the reference gives the same bits natively and in wasm', () => {
  assert.equal(wasm.reference_hash_is_right(), 1)
})

test('the comparison sees a single bit', () => {
  assert.equal(wasm.comparison_sees_one_bit(), 1)
})
