// Every kernel of the wasm modules gives the bits of the reference: random and extreme inputs, odd shapes, in engines that
// multiply bytes in different ways.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { nodeWithRelaxedSimd, root } from './paths.mjs'
import { startProgram } from './start-program.mjs'

const CASES = Number(process.env.CASES ?? 6000)
const FEW = CASES / 4
const TIERS = { simd128: 1, relaxed16: 3, relaxed32: 4 } // TaiTier
const ops = ['matmul', 'panels', 'dequantize', 'attend', 'rms_norm', 'rope', 'add', 'swiglu']
const floats = [0, 1, 30] // GGUF type ids
const panelled = [2, 3, 6, 7, 8, 10, 11, 12, 13, 14, 20, 23]

// What relaxed dot products give: TAI_DOT_* in src/kernels/relaxed16/relaxed16.h.
const I16 = 1
const I32 = 2

async function run(node, flags, module, tier, cases) {
  const child = join(root, 'tests/js/kernels-equal-child.mjs')
  const file = join(root, `build/emscripten/tinyai-kernels-test${module}.wasm`)
  const args = [...flags, child, file, TIERS[tier], cases]
  const { code, stdout, stderr } = await startProgram(node, args.map(String))
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

function assertAllCovered({ covered, bad }) {
  assert.deepEqual(bad, [])
  const wanted = [
    ...floats.map((type) => `matmul ${type}`),
    ...panelled.map((type) => `panels ${type}`),
    ...[...floats, ...panelled].map((type) => `dequantize ${type}`),
  ]
  for (const what of wanted) assert.ok(covered.includes(what), `${what} was not tested`)
  for (const op of ops)
    assert.ok(
      covered.some((what) => what.startsWith(op)),
      `${op} was not tested`,
    )
}

describe('in this Node, without relaxed SIMD', () => {
  test('simd128 equals the reference bit for bit', async () => {
    const result = await run(process.execPath, [], '', 'simd128', CASES)
    assertAllCovered(result)
    assert.equal(result.hashIsRight, 1, 'the reference gives other bits than natively')
    assert.equal(result.seesOneBit, 1, 'the comparison does not see a single bit')
    assert.equal(
      result.lanesMismatches,
      0,
      'a function of v8.h does not mean what it means natively',
    )
  })
})

describe('in a Node that knows relaxed SIMD', () => {
  for (const tier of Object.keys(TIERS))
    test(`${tier} equals the reference bit for bit`, async (t) => {
      const result = await run(nodeWithRelaxedSimd, [], '-relaxed', tier, CASES)
      assertAllCovered(result)
      assert.equal(result.dots & (I16 | I32), I16 | I32)
      t.diagnostic(`relaxed dot products: ${result.dots}`)
    })

  // The baseline compiler of an engine is another one, and so is what it makes of the same instruction.
  for (const tier of ['relaxed16', 'relaxed32'])
    test(`${tier} is right before it is compiled for speed`, async () => {
      const result = await run(nodeWithRelaxedSimd, ['--liftoff-only'], '-relaxed', tier, FEW)
      assert.deepEqual(result.bad, [])
      assert.ok(result.ran > 0)
    })
})

describe('on x86-64', { skip: process.arch !== 'x64' && `this is ${process.arch}` }, () => {
  test('without AVX-VNNI, where 8-bit operands saturate', async () => {
    const flags = ['--no-enable-avx-vnni', '--no-enable-avx-vnni-int8']
    const result = await run(nodeWithRelaxedSimd, flags, '-relaxed', 'relaxed32', FEW)
    assert.equal(result.dots, I16 | I32)
    assert.deepEqual(result.bad, [])
    assert.ok(result.ran > 0)
  })

  // Two defects of V8's baseline compiler, and both are gone in code compiled for speed.
  test('where a dot product is wrong, its tier is not there', async () => {
    const i16 = await run(nodeWithRelaxedSimd, ['--no-enable-avx'], '-relaxed', 'relaxed16', FEW)
    assert.deepEqual([i16.dots, i16.ran], [I32, 0])
    if (!process.versions.node.startsWith('20.')) return
    const flags = ['--experimental-wasm-relaxed-simd']
    const i32 = await run(process.execPath, flags, '-relaxed', 'relaxed32', FEW)
    assert.deepEqual([i32.dots, i32.ran], [I16, 0])
  })
})
