// The checkers are checked: what the model maker writes is what it says, and every malformed file is one.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { joinGguf, readGguf } from './gguf-reader.mjs'
import { tensorBytes } from './gguf-writer.mjs'
import { modelBytes, SHAPES } from './make-model.mjs'
import { malformed, unusual } from './malformed.mjs'
import { float16 } from './random-weights.mjs'
import { joinPairs, spmVocabulary } from './spm-vocabulary.mjs'

const weights = (bytes) => {
  const { tensors, data } = readGguf(bytes)
  return Object.fromEntries(
    tensors.map((t) => {
      const end = t.offset + tensorBytes(t.type, t.dims)
      return [t.name, Buffer.from(data.subarray(t.offset, end)).toString('hex')]
    }),
  )
}

test('the same options give the same file, on every machine', () => {
  const hash = createHash('sha256')
    .update(modelBytes({ shape: 'tiny' }))
    .digest('hex')
  assert.equal(hash, '0073b2c743faf15d8f91f0d5a5caedb7ebdaa9fbe87c1d461f2880229b28ab7a')
})

test('layout options move the weights and do not change them', () => {
  const plain = weights(modelBytes({ shape: 'mixed-blocks', blocks: 2 }))
  for (const layout of [{ version: 2 }, { alignment: 4096 }, { gap: 2 }, { order: 'roles' }]) {
    assert.deepEqual(weights(modelBytes({ shape: 'mixed-blocks', blocks: 2, ...layout })), plain)
  }
})

test('another seed gives other weights', () => {
  const a = weights(modelBytes({ shape: 'tiny', seed: 1 }))
  const b = weights(modelBytes({ shape: 'tiny', seed: 2 }))
  for (const name of Object.keys(a)) assert.notEqual(a[name], b[name])
})

test('a file taken apart and put together again is the same', () => {
  for (const shape of ['tiny', 'odd', 'mixed-blocks']) {
    const bytes = modelBytes({ shape })
    assert.deepEqual(joinGguf(readGguf(bytes)), bytes)
  }
})

test('the blocks of mixed-blocks have six sizes, and the largest is inside', () => {
  const sizes = new Map()
  for (const t of readGguf(modelBytes({ shape: 'mixed-blocks' })).tensors) {
    const block = t.name.match(/^blk\.(\d+)/)?.[1]
    if (block) sizes.set(block, (sizes.get(block) ?? 0) + tensorBytes(t.type, t.dims))
  }
  const list = [...sizes.values()]
  assert.equal(list.length, SHAPES['mixed-blocks'].blocks)
  assert.equal(new Set(list).size, 6) // Q4_0 is as large as Q4_K, F16 as BF16
  const largest = list.indexOf(Math.max(...list))
  assert.ok(largest > 0 && largest < list.length - 1)
})

test('every piece of a vocabulary is reached by the merges of better rank', () => {
  for (const size of [331, 512, 4096]) {
    const { tokens, scores, types } = spmVocabulary(size)
    assert.equal(tokens.length, size)
    assert.equal(new Set(tokens).size, size)
    const rank = new Map()
    for (const [i, token] of tokens.entries()) if (types[i] === 1) rank.set(token, -scores[i])
    for (const piece of rank.keys()) assert.deepEqual(joinPairs(piece, rank), [piece])
  }
})

test('float16 rounds to nearest even, over normal, subnormal and too large values', () => {
  const cases = { 1: 0x3c00, '-2': 0xc000, 65504: 0x7bff, 65519: 0x7bff, 65520: 0x7c00, 0: 0 }
  for (const [value, bits] of Object.entries(cases)) assert.equal(float16(Number(value)), bits)
  assert.equal(float16(2 ** -14), 0x0400)
  assert.equal(float16(2 ** -24), 0x0001)
  assert.equal(float16(2 ** -25), 0) // half a step: to even
  assert.equal(float16(2 ** -25 * 1.0001), 1)
  assert.equal(float16(1 + 2 ** -11), 0x3c00) // half a step: to even
  assert.equal(float16(1 + 3 * 2 ** -11), 0x3c02)
  assert.equal(float16(2 - 2 ** -12), 0x4000) // the carry runs into the exponent
})

test('malformed and unusual files have names of their own and differ from the good one', () => {
  const good = modelBytes({ shape: 'tiny' })
  for (const cases of [[...malformed(good)], [...unusual(good)]]) {
    assert.equal(new Set(cases.map((c) => c.name)).size, cases.length)
    for (const { name, bytes } of cases) assert.notDeepEqual(bytes, good, name)
  }
})
