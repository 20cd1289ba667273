// Which module runs: in a Node that knows relaxed SIMD and in ones that do not, with all files there, with the relaxed one
// missing or spoilt, with a module of the caller's own, and with kernels asked for.
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { nodeWithRelaxedSimd, root } from './paths.mjs'
import { startProgram } from './start-program.mjs'

const dist = join(root, 'dist')
const child = join(root, 'tests/js/kernels-child.mjs')
const RELAXED = 'tinyai-relaxed.wasm'

/** One thread unless a case says more: each number of threads has modules of its own. */
async function outcomes(node, flags, folder, cases) {
  const options = cases.map((one) => ({ threads: 1, ...one }))
  const args = [...flags, child, folder, JSON.stringify(options)]
  const { code, stdout, stderr } = await startProgram(node, args)
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

let copies
before(() => {
  copies = mkdtempSync(join(tmpdir(), 'tinyai-modules-'))
})
after(() => rmSync(copies, { recursive: true, force: true }))

/** A copy of dist/ in which something happened to the relaxed module. */
function copyWith(name, change) {
  const folder = join(copies, name)
  cpSync(dist, folder, { recursive: true })
  // for ../package.json, which says that these are modules
  writeFileSync(join(copies, 'package.json'), '{"type":"module"}')
  change(join(folder, RELAXED))
  return folder
}

describe('in a Node that knows relaxed SIMD', () => {
  const run = (folder, ...cases) => outcomes(nodeWithRelaxedSimd, [], folder, cases)

  test('the relaxed module is taken, and its tiers are timed once', async () => {
    const [first, second, inline] = await run(dist, {}, {}, { worker: false })
    assert.equal(first.module, RELAXED)
    const reason = /^(\w+): [\d.]+ G multiply-adds\/s, \w+ [\d.]+, \w+ [\d.]+$/.exec(
      first.kernelsReason,
    )
    assert.equal(reason?.[1], first.kernels, first.kernelsReason)
    for (const tier of ['relaxed32', 'relaxed16', 'simd128'])
      assert.ok(first.kernelsReason.includes(tier), first.kernelsReason)
    assert.deepEqual(second, first)
    assert.deepEqual(inline, first)
    assert.ok(first.planned, 'the plan is that of the other module')
  })

  test('kernels that are asked for are taken', async () => {
    const kernels = ['relaxed16', 'relaxed32', 'simd128', 'scalar']
    const got = await run(dist, ...kernels.map((one) => ({ kernels: one })))
    got.forEach((one, i) => {
      const module = kernels[i].startsWith('relaxed') ? RELAXED : 'tinyai.wasm'
      const expected = { kernels: kernels[i], kernelsReason: 'asked for', module, planned: true }
      assert.deepEqual(one, expected)
    })
  })

  for (const [what, change, why] of [
    ['missing', rmSync, /tinyai-relaxed\.wasm cannot be used: .*cannot be read/],
    ['cut short', (file) => truncateSync(file, 5000), /cannot be used: .*cannot be compiled/],
    ['a web page', (file) => writeFileSync(file, '<!doctype html>'), /cannot be compiled/],
  ])
    test(`a relaxed module that is ${what} is done without`, async () => {
      const folder = copyWith(what, change)
      const [auto, forced] = await run(folder, {}, { kernels: 'relaxed16' })
      assert.equal(auto.module, 'tinyai.wasm')
      assert.equal(auto.kernels, 'simd128')
      assert.match(auto.kernelsReason, why)
      assert.equal(forced.code, what === 'missing' ? 'E_NOT_FOUND' : 'E_UNSUPPORTED')
      assert.match(forced.message, /tinyai-relaxed\.wasm/)
    })

  test('with threads the same choice is among the modules that have them', async () => {
    const [two] = await run(dist, { threads: 2 })
    assert.equal(two.module, 'tinyai-relaxed-threads.wasm')
    assert.match(two.kernels, /^relaxed/)
    const folder = copyWith('threads', (file) => rmSync(file.replace('.wasm', '-threads.wasm')))
    const [baseline] = await run(folder, { threads: 2 })
    assert.equal(baseline.module, 'tinyai-threads.wasm')
    assert.equal(baseline.kernels, 'simd128')
    assert.match(baseline.kernelsReason, /tinyai-relaxed-threads\.wasm cannot be used/)
  })

  test("the caller's module is the only one", async () => {
    const [url, bytes, forced, refused] = await run(
      dist,
      { wasmUrl: 'tinyai.wasm' },
      { wasmBytes: RELAXED },
      { wasmUrl: RELAXED, kernels: 'relaxed16' },
      { wasmUrl: 'tinyai.wasm', kernels: 'relaxed16' },
    )
    assert.equal(url.module, 'tinyai.wasm')
    assert.equal(url.kernels, 'simd128')
    assert.equal(url.kernelsReason, 'the module has no faster ones')
    assert.equal(bytes.module, 'wasmBytes')
    assert.match(bytes.kernelsReason, /relaxed16.*multiply-adds|multiply-adds.*relaxed16/)
    assert.equal(forced.module, RELAXED)
    assert.equal(forced.kernels, 'relaxed16')
    assert.equal(refused.code, 'E_UNSUPPORTED')
    assert.match(refused.message, /'relaxed16': the module given does not have them; use 'auto'/)
  })
})

// Node 20 and 22 do not know it, or behind a flag and with an i32 dot product that is wrong.
const flag = '--experimental-wasm-relaxed-simd'
const behindFlag = process.versions.node.startsWith('20.')

describe('in a Node that does not know relaxed SIMD', () => {
  const run = (...cases) => outcomes(process.execPath, [], dist, cases)

  test('the other module is taken, and relaxed kernels are refused', async (t) => {
    if (!behindFlag) return t.diagnostic('this Node knows it')
    const [auto, forced] = await run({}, { kernels: 'relaxed32' })
    const kernelsReason = 'this host does not know relaxed SIMD'
    assert.deepEqual(auto, {
      kernels: 'simd128',
      kernelsReason,
      module: 'tinyai.wasm',
      planned: true,
    })
    assert.equal(forced.code, 'E_UNSUPPORTED')
    assert.match(forced.message, /'relaxed32': this host does not know relaxed SIMD; use 'auto'/)
  })

  test('values that are wrong are found out', async (t) => {
    if (!behindFlag) return t.diagnostic('this Node computes the right ones')
    const cases = [{}, { kernels: 'relaxed32' }]
    const [auto, forced] = await outcomes(process.execPath, [flag], dist, cases)
    assert.equal(auto.module, RELAXED)
    assert.notEqual(auto.kernels, 'relaxed32')
    assert.match(
      auto.kernelsReason,
      /; the relaxed dot product computes wrong values on this host$/,
    )
    assert.equal(forced.code, 'E_UNSUPPORTED')
    assert.match(
      forced.message,
      /'relaxed32': .*the relaxed dot product computes wrong values on this host/,
    )
  })
})
