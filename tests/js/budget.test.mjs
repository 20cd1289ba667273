// setBudget: another budget at any time, with a worker and without one. The text and every logit stay the same.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import * as abi from '../../dist/abi.js'
import { load, plan } from '../../dist/index.js'
import { budgetsOf } from '../conformance/cases.mjs'
import { Driver } from './driver.mjs'
import { bundled } from './paths.mjs'

const STORY = 'Once upon a time, there was a little rabbit who'
const GREEDY = { temperature: 0, maxTokens: 48, ignoreEos: true }
const START = { contextLength: 256, memoryBudget: 3_000_000 }
const file = readFileSync(bundled)
const sum = (values) => values.reduce((a, b) => a + b, 0)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** {ids, logitsHash}; between(model, count) is called after each piece and may change the budget. */
async function run(model, between = () => {}) {
  const ids = []
  for await (const { id } of model.generate(STORY, GREEDY)) {
    ids.push(id)
    await between(model, ids.length)
  }
  return { ids, logitsHash: model.stats().engine.logitsHash }
}

/** A source in memory whose reads wait a moment, so that some are under way at any time. */
function slowSource(ms) {
  const source = {
    size: file.length,
    identity: 'slow',
    reading: 0,
    read: async (offset, length, signal) => {
      source.reading++
      for (const end = performance.now() + ms; performance.now() < end; await sleep(1)) {
        if (signal.aborted) break
      }
      source.reading--
      if (signal.aborted) throw signal.reason
      return file.subarray(offset, offset + length)
    },
  }
  return source
}

/** What the memory must be under a budget: used as planned, and nothing else. */
function assertUnder(model, budget) {
  const { memory, blocks } = model.stats()
  assert.equal(memory.budgetBytes, budget)
  assert.equal(model.plan.budgetBytes, budget)
  assert.ok(model.plan.peakBytes <= budget)
  assert.equal(memory.plannedPeakBytes, model.plan.peakBytes)
  assert.equal(memory.currentBytes, model.plan.peakBytes)
  assert.deepEqual(memory.byPurpose, model.plan.byPurpose)
  assert.equal(sum(Object.values(memory.byPurpose)), memory.currentBytes)
  assert.equal(blocks.filter(({ pinned }) => pinned).length, model.plan.pinnedBlocks)
  assert.ok(blocks.filter(({ state }) => state !== 'absent').length <= model.plan.slots)
  assert.equal(memory.grown, 0)
}

let alone
test('a run without a change, to compare with', async () => {
  const model = await load(bundled, START)
  alone = await run(model)
  assert.equal(alone.ids.length, GREEDY.maxTokens)
  await model.close()
})

test('the plan says how far the budget can move', async () => {
  const fixed = await plan(bundled, START)
  assert.equal(fixed.maxBudgetBytes, START.memoryBudget)
  assert.equal(fixed.reservedBytes, fixed.peakBytes)
  assert.ok(fixed.smallestBytes >= fixed.minBudget && fixed.smallestBytes <= fixed.peakBytes)
  const movable = await plan(bundled, { ...START, maxMemoryBudget: '8MB' })
  assert.equal(movable.peakBytes, fixed.peakBytes)
  assert.ok(movable.reservedBytes > fixed.reservedBytes && movable.reservedBytes <= 8 << 20)
  assert.equal(movable.maxBudgetBytes, 8 << 20)
  assert.deepEqual(movable.byPurpose, fixed.byPurpose)
})

test('without a budget the default is at most what memory may be reserved for', async () => {
  const planned = await plan(bundled, { contextLength: 256, maxMemoryBudget: 3_000_000 })
  assert.equal(planned.budgetBytes, 3_000_000)
  assert.ok(planned.reservedBytes <= 3_000_000)
})

test('before any wanted range is taken: nothing that was asked for is lost', async () => {
  let squeeze = false
  class Squeezed extends Driver {
    changes = 0
    answerReads() {
      const { smallestBytes, maxBudgetBytes } = this.plan
      const budget = this.changes % 2 ? maxBudgetBytes : smallestBytes
      // not every time: what is wanted for a block is dropped and must be wanted again
      if (this.changes++ % 3 === 0 && squeeze)
        this.engine.check(this.engine.wasm.tinyai_js_set_budget(budget), 'budget')
      super.answerReads()
    }
  }
  const outcomes = []
  for (squeeze of [false, true]) {
    const options = { ...START, maxMemoryBudget: 8 << 20, readChunkBytes: 16 << 10 }
    const driver = await Squeezed.open(file, options)
    const ids = [...driver.generate([1, 300, 400, 500, 600], { maxTokens: 24 })]
    outcomes.push({ ids, logitsHash: driver.stats().logits_hash })
    assert.ok(driver.changes > 100)
  }
  assert.deepEqual(outcomes[1], outcomes[0])
})

test('memory that reads under way still write to is waited for', async () => {
  const answers = []
  const { instantiate } = WebAssembly
  WebAssembly.instantiate = async (...args) => {
    const { exports } = await instantiate(...args)
    const tinyai_js_set_budget = (bytes) => {
      const answer = exports.tinyai_js_set_budget(bytes)
      answers.push(answer)
      return answer
    }
    return { exports: { ...exports, tinyai_js_set_budget } }
  }
  try {
    const options = { ...START, memoryBudget: 8 << 20, worker: false }
    const model = await load(slowSource(10), options)
    const running = run(model)
    while (model.stats().blocks.every(({ state }) => state !== 'loading')) await sleep(1)
    await model.setBudget(model.plan.smallestBytes)
    assertUnder(model, model.plan.smallestBytes)
    assert.deepEqual(answers, [abi.STEP_NEED, 0])
    assert.deepEqual(await running, alone)
    await model.close()
  } finally {
    WebAssembly.instantiate = instantiate
  }
})

for (const worker of [true, false]) {
  const options = { ...START, maxMemoryBudget: 8 << 20, worker }

  describe(worker ? 'setBudget, with a worker' : 'setBudget, in this thread', () => {
    test('after every token, through the whole range: the same tokens and logits', async () => {
      const model = await load(bundled, options)
      const { smallestBytes: minBudget, maxBudgetBytes: residentBytes } = model.plan
      const budgets = budgetsOf({ minBudget, residentBytes }, GREEDY.maxTokens)
      const slots = new Set()
      const changed = await run(model, async (_, count) => {
        // up and down in turn, so that blocks are dropped and stay again
        const budget = budgets[count % 2 ? count - 1 : budgets.length - count]
        const made = await model.setBudget(budget)
        assert.equal(model.plan, made)
        assertUnder(model, budget)
        slots.add(made.slots)
      })
      assert.deepEqual(changed, alone)
      assert.deepEqual(Math.max(...slots), 5)
      assert.deepEqual(Math.min(...slots), 2)
      const { memory } = model.stats()
      assert.equal(memory.maxBudgetBytes, 8 << 20)
      assert.ok(memory.peakBytes <= model.plan.reservedBytes)
      assert.ok(memory.wasmBytes < model.plan.reservedBytes + 65536)
      await model.close()
    })

    test('while a slow source is being read: it waits for no more than the reads under way', async () => {
      const source = slowSource(4)
      const model = await load(source, options)
      let changes = 0
      let going = true
      const changing = (async () => {
        for (const budget of budgetsOf(
          { minBudget: model.plan.smallestBytes, residentBytes: 8 << 20 },
          7,
        ).flatMap((budget) => [budget, 8 << 20, model.plan.smallestBytes])) {
          if (!going) return
          await model.setBudget(budget)
          assertUnder(model, budget)
          changes++
          await sleep(7)
        }
      })()
      const changed = await run(model)
      going = false
      await changing
      assert.deepEqual(changed, alone)
      assert.ok(changes > 5, `${changes} changes`)
      assert.equal(model.stats().memory.jsBytes, 0)
      await model.close()
      assert.equal(source.reading, 0)
    })

    test('several at once are made one after the other, the last one stays', async () => {
      const model = await load(slowSource(2), options)
      const { smallestBytes } = model.plan
      const budgets = [8 << 20, smallestBytes, 4_000_000, smallestBytes, 5_000_000]
      const changed = await run(model, async (_, count) => {
        if (count % 8) return
        const plans = await Promise.all(budgets.map((budget) => model.setBudget(budget)))
        assert.deepEqual(
          plans.map(({ budgetBytes }) => budgetBytes),
          budgets,
        )
        assertUnder(model, 5_000_000)
      })
      assert.deepEqual(changed, alone)
      await model.close()
    })

    test('what cannot fit is refused with asked, allowed and missing, and changes nothing', async () => {
      const model = await load(bundled, options)
      const { smallestBytes, maxBudgetBytes } = model.plan
      const changed = await run(model, async (_, count) => {
        if (count !== 10) return
        // Which blocks stay; which of the others are there changes while they are read ahead.
        const pinned = () => model.stats().blocks.map((block) => block.pinned)
        const before = [model.plan, model.stats().memory, pinned()]
        for (const [budget, asked, allowed, help] of [
          [smallestBytes - 1, smallestBytes, smallestBytes - 1, /misses 1\b.*fewer prompt tokens/],
          [maxBudgetBytes + 1, maxBudgetBytes + 1, maxBudgetBytes, /larger maxMemoryBudget/],
        ]) {
          await assert.rejects(model.setBudget(budget), (error) => {
            assert.equal(error.name, 'TinyAIError')
            assert.equal(error.code, 'E_BUDGET')
            assert.deepEqual([error.asked, error.allowed, error.missing], [asked, allowed, 1])
            assert.match(error.message, help)
            return true
          })
          assert.deepEqual([model.plan, model.stats().memory, pinned()], before)
        }
      })
      assert.deepEqual(changed, alone)
      await model.close()
    })

    test('takes sizes as text, and works while nothing runs', async () => {
      const model = await load(bundled, options)
      assert.equal((await model.setBudget('4MB')).budgetBytes, 4 << 20)
      assertUnder(model, 4 << 20)
      await run(model)
      await model.setBudget('8MB')
      assertUnder(model, 8 << 20)
      assert.deepEqual(await run(model), alone)
      assert.ok(model.stats().blocks.every(({ state }) => state === 'resident'))
      await model.setBudget(model.plan.smallestBytes)
      assertUnder(model, model.plan.smallestBytes)
      assert.ok(model.stats().blocks.some(({ state }) => state === 'absent'))
      await model.close()
    })

    test('a smaller budget reads more per token, as its plan says', async () => {
      const model = await load(bundled, { ...options, memoryBudget: 8 << 20, prefetch: false })
      await run(model)
      const perToken = async (budget) => {
        const { streamedBytesPerToken } = await model.setBudget(budget)
        const reads = []
        let last
        await run(model, async () => {
          const { bytesRead } = model.stats().stream
          if (last !== undefined) reads.push(bytesRead - last)
          last = bytesRead
        })
        // the worker may be some tokens ahead of the loop, so only the whole is exact
        const steady = sum(reads.slice(12)) / (reads.length - 12)
        return { steady, streamedBytesPerToken }
      }
      const all = await perToken(8 << 20)
      assert.deepEqual(all, { steady: 0, streamedBytesPerToken: 0 })
      const least = await perToken(model.plan.smallestBytes)
      assert.ok(least.streamedBytesPerToken > 3_000_000)
      if (!worker) assert.equal(Math.round(least.steady), least.streamedBytesPerToken)
      await model.close()
    })

    test('tells memory and blocks that changed', async () => {
      const model = await load(bundled, { ...options, memoryBudget: 8 << 20 })
      await run(model)
      const memory = []
      const blocks = []
      model.on('memory', (stats) => memory.push(stats))
      model.on('block', (block) => blocks.push(block))
      await model.setBudget(model.plan.smallestBytes)
      assert.equal(memory.at(-1)?.budgetBytes, model.plan.smallestBytes)
      assert.equal(memory.at(-1)?.currentBytes, model.plan.peakBytes)
      assert.ok(blocks.some(({ state, pinned }) => state === 'absent' && !pinned))
      await model.close()
    })

    test('an abort while it waits for reads ends the generation, and the budget changes', async () => {
      const model = await load(slowSource(30), { ...options, memoryBudget: 8 << 20 })
      const controller = new AbortController()
      const running = model.generate(STORY, { ...GREEDY, signal: controller.signal }).next()
      running.catch(() => {})
      await sleep(40)
      const change = model.setBudget(model.plan.smallestBytes)
      controller.abort()
      await assert.rejects(running, { name: 'AbortError' })
      assertUnder(model, (await change).budgetBytes)
      assert.deepEqual(await run(model), alone)
      await model.close()
    })

    test('closing ends it with E_CLOSED, and so is every later one', async () => {
      const source = slowSource(200)
      const model = await load(source, { ...options, memoryBudget: 8 << 20 })
      const running = model.generate(STORY, GREEDY).next()
      running.catch(() => {})
      while (source.reading === 0) await sleep(1)
      const change = model.setBudget(model.plan.smallestBytes)
      const closed = assert.rejects(change, { code: 'E_CLOSED' })
      await model.close()
      await closed
      await assert.rejects(running, { code: 'E_CLOSED' })
      await assert.rejects(model.setBudget('4MB'), { code: 'E_CLOSED' })
      await assert.rejects(model.schedule(), { code: 'E_CLOSED' })
      await assert.rejects(model.memoryReport(), { code: 'E_CLOSED' })
      await sleep(10) // reads of this source end a moment after they are aborted
      assert.equal(source.reading, 0)
    })

    test('beside logits and perplexity', async () => {
      const model = await load(bundled, options)
      const ids = await model.tokenize(STORY.repeat(10))
      const wanted = [await model.logits(ids), await model.perplexity(STORY.repeat(10))]
      const logits = model.logits(ids)
      await model.setBudget('8MB')
      assert.deepEqual(await logits, wanted[0])
      const perplexity = model.perplexity(STORY.repeat(10))
      await model.setBudget(model.plan.smallestBytes)
      assert.deepEqual(await perplexity, wanted[1])
      await model.close()
    })
  })
}
