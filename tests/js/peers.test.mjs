// What `npm run bench -- --peers` makes of its measurements: which cells there are, the best of the rounds, the targets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countsOf, keyOf, listCells } from '../../bench/peers/cells.mjs'
import { differingLogits, mergeResults } from '../../bench/peers/results.mjs'
import { targetsOf } from '../../bench/peers/targets.mjs'

const unique = (values) => [...new Set(values)]

const one = {
  engine: 'tinyai',
  host: 'node24',
  kernels: 'auto',
  threads: 1,
  shape: '05b',
  type: 'Q4_0',
}
const record = (cell, round, result) => ({ key: keyOf(cell), round, result })
const speeds = (prefill, decode, more) => ({ prefill_tps: prefill, decode_tps: decode, ...more })

test('the whole run has every model in every host, with one and two threads', () => {
  const cells = listCells()
  assert.equal(unique(cells.map(({ shape, type }) => `${shape} ${type}`)).length, 9)
  assert.equal(unique(cells.map(keyOf)).length, cells.length)
  for (const host of ['native', 'node', 'node24', 'chromium', 'firefox', 'webkit'])
    for (const threads of [1, 2]) {
      const there = cells.filter((cell) => cell.host === host && cell.threads === threads)
      assert.equal(unique(there.map(({ shape, type }) => `${shape} ${type}`)).length, 9, host)
    }
  for (const cell of cells) {
    assert.equal(countsOf(cell, cell.deep || 1, false).depth, cell.deep ? 2048 : 0, keyOf(cell))
    assert.equal(countsOf(cell, cell.deep + 1, false).depth, 0, keyOf(cell))
  }
})

test('--only takes what has all its words in the name', () => {
  const cells = listCells({ only: 'k-q8_0, WLLAMA' })
  assert.deepEqual(
    cells.map(({ threads }) => threads),
    [1, 2],
  )
  assert.ok(
    cells.every(({ engine, shape, type }) => `${engine} ${shape} ${type}` === 'wllama k Q8_0'),
  )
})

test('the best of the rounds counts, and what depth costs is told within one round', () => {
  const deep = { deep_prefill_tps: 50, deep_decode_tps: 8 }
  const records = [record(one, 1, speeds(100, 10, deep)), record(one, 2, speeds(80, 20))]
  const [{ result, measured }] = mergeResults([one], records)
  assert.equal(measured, 2)
  assert.deepEqual([result.prefill, result.decode], [100, 20])
  assert.deepEqual([result.kept_prefill, result.kept_decode], [0.5, 0.8])
  const [absent] = mergeResults([one], [{ key: keyOf(one), round: 1, absent: 'no such tier' }])
  assert.equal(absent.absent, 'no such tier')
  assert.equal(absent.result, undefined)
})

test('targets are geometric means over the shapes, and tell what is missing', () => {
  const cells = []
  const add = (cell, decode) => cells.push({ ...cell, result: { decode, prefill: 1 } })
  const small = { ...one, shape: '135m' }
  const native = { engine: 'llama.cpp', host: 'native', kernels: 'its own' }
  add(one, 50)
  add({ ...one, ...native }, 100)
  const target = () =>
    targetsOf(cells, null).find(
      (t) => t.name === 'vs. native, 1 thread' && t.host === 'node24' && t.phase === 'decode',
    )
  assert.equal(target().ratio, 0.5)
  assert.deepEqual(target().shapes, ['05b'])
  add(small, 200)
  add({ ...small, ...native }, 100)
  assert.ok(Math.abs(target().ratio - 1) < 1e-12)
  assert.deepEqual([target().met, target().floor], [true, 0.9])
  const gemv = targetsOf(cells, { gemv: 0.94, gemm: 0.96 }).filter(({ name }) => /GEMV/.test(name))
  assert.deepEqual(
    gemv.map(({ met }) => met),
    [false, true],
  )
  const other = targetsOf(cells, null).find(({ name }) => /wllama/.test(name))
  assert.deepEqual([other.ratio, other.met], [null, null])
})

test('at depth a decode of 0.65 is enough, or 0.9 of what native keeps', () => {
  const results = (kept, nativeKept) => [
    { ...one, result: { kept_decode: kept, kept_prefill: kept } },
    { ...one, engine: 'llama.cpp', result: { kept_decode: nativeKept, kept_prefill: nativeKept } },
  ]
  const met = (kept, nativeKept) =>
    targetsOf(results(kept, nativeKept), null)
      .filter(({ name, host, type }) => /depth/.test(name) && host === 'node24' && type === 'Q4_0')
      .map((t) => t.met)
  assert.deepEqual(met(0.66, 0.9), [true, false])
  assert.deepEqual(met(0.46, 0.5), [true, true])
  assert.deepEqual(met(0.44, 0.5), [false, false])
})

test('logits that differ between two cells of a model are noticed', () => {
  const cell = (host, hash) => ({ ...one, host, result: { logits_hash: hash } })
  assert.deepEqual(differingLogits([cell('node24', 'a'), cell('webkit', 'a')]), [])
  assert.deepEqual(differingLogits([cell('node24', 'a'), cell('webkit', 'b')]), ['05b Q4_0'])
})
