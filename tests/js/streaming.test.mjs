// What streaming costs is what the plan says: blocks per pass and bytes per token, on a file of 30 blocks.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before, describe, test } from 'node:test'
import { load } from '../../dist/index.js'
import { Driver, planFile } from './driver.mjs'
import { model135m } from './models.mjs'
import { bundled } from './paths.mjs'

const BLOCKS = 30
const PASSES = 4
const contextLength = 64

let file
before(() => {
  file = readFileSync(model135m())
})

/** The smallest budget at which the plan has `slots` slots, or undefined. */
async function budgetFor(slots, prefetch) {
  const { minBudget, residentBytes } = await planFile(file, { contextLength, prefetch })
  let [low, high] = [minBudget, residentBytes]
  const slotsAt = async (memoryBudget) =>
    (await planFile(file, { contextLength, prefetch, memoryBudget })).slots
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if ((await slotsAt(middle)) >= slots) high = middle
    else low = middle + 1
  }
  return (await slotsAt(low)) === slots ? low : undefined
}

/** Misses and bytes of each steady pass: from the second on, and not the last, which reads nothing ahead. */
async function measure(options) {
  const driver = await Driver.open(file, options)
  const passes = []
  let last
  for (const _ of driver.generate([1, 300, 400, 500], { maxTokens: PASSES + 3 })) {
    const { misses, bytes_read, hits, passes: count } = driver.stats()
    if (last) {
      passes.push({
        misses: misses - last.misses,
        hits: hits - last.hits,
        bytes: bytes_read - last.bytes_read,
        passes: count - last.count,
        copied: driver.bytesRead - last.copied,
      })
    }
    last = { misses, hits, bytes_read, count, copied: driver.bytesRead }
  }
  return { plan: driver.plan, passes: passes.slice(1, -1) }
}

for (const prefetch of [false, true]) {
  describe(prefetch ? 'with reading ahead' : 'with one streaming slot', () => {
    test('every number of slots has the misses per pass and the bytes per token of the plan', async () => {
      const seen = []
      for (let slots = 1; slots <= BLOCKS; slots++) {
        const memoryBudget = await budgetFor(slots, prefetch)
        if (memoryBudget === undefined) continue
        seen.push(slots)
        const { plan, passes } = await measure({ contextLength, prefetch, memoryBudget })
        assert.equal(plan.slots, slots)
        const overlap = prefetch && slots >= 2
        const misses = slots === BLOCKS ? 0 : BLOCKS - slots + (overlap ? 2 : 1)
        for (const pass of passes) {
          const what = `${slots} slots: ${JSON.stringify(pass)}`
          assert.equal(pass.passes, 1, what)
          assert.equal(pass.misses, misses, what)
          assert.equal(pass.hits + pass.misses, BLOCKS, what)
          assert.equal(pass.bytes, plan.streamedBytesPerToken, what)
          assert.equal(pass.copied, pass.bytes, what)
        }
      }
      assert.deepEqual(
        seen,
        Array.from({ length: BLOCKS }, (_, i) => i + 1).filter((slots) => seen.includes(slots)),
      )
      assert.ok(seen.length >= BLOCKS - 1, `plans with ${seen} slots`)
      assert.equal(seen.at(-1), BLOCKS)
    })
  })
}

test('pinned blocks are spread evenly', async () => {
  for (const slots of [4, 11, 16, 23]) {
    const memoryBudget = await budgetFor(slots, true)
    const driver = await Driver.open(file, { contextLength, memoryBudget })
    const pinned = [...driver.blockStates()].flatMap((state, i) => (state & 4 ? [i] : []))
    assert.equal(pinned.length, driver.plan.pinnedBlocks)
    const gaps = pinned.slice(1).map((block, i) => block - pinned[i])
    assert.ok(Math.max(...gaps) - Math.min(...gaps) <= 1, `pinned: ${pinned}`)
  }
})

test('the package reads what the plan says, from a source that counts', async () => {
  const bytes = readFileSync(bundled)
  let read = 0
  const source = {
    size: bytes.length,
    identity: 'counted',
    read: async (offset, length) => {
      read += length
      return bytes.subarray(offset, offset + length)
    },
  }
  const options = { contextLength: 256, memoryBudget: 2_000_000, prefetch: false, worker: false }
  const model = await load(source, options)
  const perToken = []
  let last
  for await (const _ of model.generate('Once upon a time', { maxTokens: 12, ignoreEos: true })) {
    if (last !== undefined) perToken.push(read - last)
    last = read
  }
  const { stream } = model.stats()
  assert.equal(stream.fetchedBytes, read)
  const { streamedBytesPerToken } = model.plan
  assert.ok(streamedBytesPerToken > 0)
  for (const bytes of perToken.slice(1, -1)) assert.equal(bytes, streamedBytesPerToken)
  assert.equal(read, stream.bytesRead)
  await model.close()
})
