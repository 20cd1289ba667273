// The plan is the allocation: measured on the memory itself, not on what the engine says about it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { load, plan } from '../../dist/index.js'
import { budgetsOf } from '../conformance/cases.mjs'
import { Driver, planFile } from './driver.mjs'
import { model135m } from './models.mjs'
import { bundled } from './paths.mjs'

const PAGE = 65536
const FILL = 0xa5
const file = readFileSync(bundled)
const sum = (values) => values.reduce((a, b) => a + b, 0)

/** Highest address whose byte is not the fill. */
function highestChanged(bytes) {
  let at = bytes.length - 1
  while (at >= 0 && bytes[at] === FILL) at--
  return at
}

/** A prompt of n tokens and some generated ones, so that every buffer is used. */
function use(driver, promptTokens, maxTokens) {
  const ids = Array.from({ length: promptTokens }, (_, i) =>
    i === 0 ? 1 : 300 + ((i * 37) % 1000),
  )
  return [...driver.generate(ids, { maxTokens })]
}

describe('memory of the bundled model', () => {
  const options = { contextLength: 256 }

  test('at every budget: peak = planned peak, and no byte above it changes', async () => {
    const least = await planFile(file, options)
    for (const memoryBudget of budgetsOf(least)) {
      const driver = await Driver.open(file, { ...options, memoryBudget }, { fill: FILL })
      use(driver, 200, 56)
      const stats = driver.stats()
      const { peakBytes } = driver.plan
      assert.ok(peakBytes <= memoryBudget)
      assert.equal(stats.planned_peak_bytes, peakBytes)
      assert.equal(stats.peak_bytes, peakBytes)
      assert.equal(sum(stats.byPurpose), stats.current_bytes)
      assert.ok(stats.current_bytes <= peakBytes)
      assert.ok(highestChanged(driver.engine.bytes) < peakBytes)
    }
  })

  test('at the smallest budget, more than 98 % of the peak is really used', async () => {
    const { minBudget: memoryBudget } = await planFile(file, options)
    const driver = await Driver.open(file, { ...options, memoryBudget }, { fill: FILL })
    use(driver, 200, 56)
    const used = highestChanged(driver.engine.bytes) + 1
    assert.ok(used > 0.98 * driver.plan.peakBytes, `${used} of ${driver.plan.peakBytes}`)
  })

  test('regions lie side by side inside the peak, and the guards between them stay whole', async () => {
    const { minBudget, residentBytes } = await planFile(file, options)
    const middle = Math.round((minBudget + residentBytes) / 2)
    for (const memoryBudget of [minBudget, middle, residentBytes]) {
      const driver = await Driver.open(file, { ...options, memoryBudget }, { fill: FILL })
      const { bytes } = driver.engine
      const before = bytes.slice()
      use(driver, 200, 56)
      const unchanged = (from, to) =>
        assert.ok(Buffer.from(before.buffer, from, to - from).equals(bytes.subarray(from, to)))
      let end = 0 // of the region before; the next begins with its guard, then lies at its address
      for (const region of driver.regions().filter((one) => one.bytes > 0)) {
        assert.ok(region.address >= end && region.address <= end + region.bytes)
        unchanged(end, region.address)
        end += region.bytes
      }
      assert.equal(end, driver.plan.peakBytes)
      unchanged(end, bytes.length)
    }
  })

  test('the plan for the planned peak is the same plan', async () => {
    const { minBudget, residentBytes } = await planFile(file, options)
    for (const memoryBudget of budgetsOf({ minBudget, residentBytes })) {
      const first = await planFile(file, { ...options, memoryBudget })
      const again = await planFile(file, { ...options, memoryBudget: first.peakBytes })
      const ofBudget = { budgetBytes: 0, maxBudgetBytes: 0, longestContext: 0 }
      assert.deepEqual({ ...again, ...ofBudget }, { ...first, ...ofBudget })
    }
  })

  test('more budget never means more reading', async () => {
    const { minBudget, residentBytes } = await planFile(file, options)
    let before = Number.POSITIVE_INFINITY
    for (const memoryBudget of budgetsOf({ minBudget, residentBytes }, 40)) {
      const { streamedBytesPerToken } = await planFile(file, { ...options, memoryBudget })
      assert.ok(streamedBytesPerToken <= before)
      before = streamedBytesPerToken
    }
    assert.equal(before, 0)
  })

  test('is that of the plan in the package too, in whole pages, and never grows', async () => {
    const { minBudget } = await plan(bundled, options)
    for (const worker of [true, false]) {
      const model = await load(bundled, { ...options, memoryBudget: minBudget, worker })
      for await (const _ of model.generate('Once', { maxTokens: 20, ignoreEos: true }));
      const { memory } = model.stats()
      assert.equal(memory.peakBytes, model.plan.peakBytes)
      assert.equal(memory.wasmBytes, Math.ceil(model.plan.peakBytes / PAGE) * PAGE)
      assert.equal(memory.grown, 0)
      assert.equal(sum(Object.values(memory.byPurpose)), memory.currentBytes)
      assert.deepEqual(memory.byPurpose, model.plan.byPurpose)
      assert.ok(memory.fragmentation >= 0 && memory.fragmentation < 0.01)
      await model.close()
    }
  })
})

describe('a budget that is too small', () => {
  test('by one byte is refused with the bytes asked, allowed and missing, before any weight is read', async () => {
    const reads = []
    const source = {
      size: file.length,
      identity: 'file',
      read: async (offset, length) => {
        reads.push([offset, length])
        return file.subarray(offset, offset + length)
      },
    }
    const { minBudget, headerBytes } = await plan(source, { contextLength: 256 })
    const planning = reads.splice(0)
    assert.equal(Math.max(...planning.map(([offset, length]) => offset + length)), headerBytes)
    for (const worker of [true, false]) {
      await assert.rejects(
        load(source, { contextLength: 256, memoryBudget: minBudget - 1, worker }),
        (error) => {
          assert.equal(error.code, 'E_BUDGET')
          assert.equal(error.asked, minBudget)
          assert.equal(error.allowed, minBudget - 1)
          assert.equal(error.missing, 1)
          assert.match(error.message, /memoryBudget to \d+ or more/)
          return true
        },
      )
      assert.deepEqual(reads.splice(0), planning, 'only what planning reads: the header')
    }
    await (await load(source, { contextLength: 256, memoryBudget: minBudget })).close()
  })

  test('for the context names the context that would fit', async () => {
    const { minBudget } = await plan(bundled, { contextLength: 128 })
    await assert.rejects(load(bundled, { contextLength: 512, memoryBudget: minBudget }), {
      code: 'E_BUDGET',
      message: /contextLength to 1[2-9]\d/,
    })
    const longest = await plan(bundled, { contextLength: 512, memoryBudget: minBudget })
    assert.equal(longest.fits, false)
    const { longestContext: contextLength } = longest
    assert.ok((await plan(bundled, { contextLength, memoryBudget: minBudget })).fits)
  })

  test('is lowered to what fits where no context is asked for', async () => {
    const { minBudget } = await plan(bundled, { contextLength: 128 })
    const lowered = await plan(bundled, { memoryBudget: minBudget })
    assert.ok(lowered.fits)
    assert.ok(lowered.contextLength >= 128 && lowered.contextLength < 512)
  })
})

describe('memory of the 135M shape, Q4_0', () => {
  test('the smallest budget at context 256 is at most 20 MiB, and more than 98 % of it is used', async () => {
    const big = readFileSync(model135m())
    const { minBudget } = await planFile(big, { contextLength: 256 })
    assert.ok(minBudget <= 20 * 2 ** 20, `${minBudget} bytes`)
    const options = { contextLength: 256, memoryBudget: minBudget }
    const driver = await Driver.open(big, options, { fill: FILL })
    use(driver, 20, 3)
    const used = highestChanged(driver.engine.bytes) + 1
    assert.ok(used <= driver.plan.peakBytes)
    assert.ok(used > 0.98 * driver.plan.peakBytes, `${used} of ${driver.plan.peakBytes}`)
  })
})
