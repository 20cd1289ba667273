// The four modes: what each spends the budget on, and that all give the same logits with exactly the planned memory.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { load, plan } from '../../dist/index.js'
import { budgetsOf, MODES } from '../conformance/cases.mjs'
import { bundled } from './paths.mjs'

const STORY = 'Once upon a time, there was a little rabbit who'
const GREEDY = { temperature: 0, maxTokens: 24, ignoreEos: true }
const CONTEXT = { contextLength: 256 }

async function run(options) {
  const model = await load(bundled, options)
  try {
    const ids = []
    for await (const { id } of model.generate(STORY, GREEDY)) ids.push(id)
    return { ids, stats: model.stats(), plan: model.plan }
  } finally {
    await model.close()
  }
}

describe('what a mode spends the budget on', () => {
  const planned = async (mode, memoryBudget) => plan(bundled, { ...CONTEXT, mode, memoryBudget })

  test('memory-opt takes the least memory, whatever the budget', async () => {
    const { minBudget } = await plan(bundled, CONTEXT)
    for (const budget of [minBudget, '4MB', '64MB']) {
      const made = await planned('memory-opt', budget)
      assert.equal(made.peakBytes, minBudget)
      assert.equal(made.slots, 1)
      assert.equal(made.pinnedBlocks, 0)
      assert.equal(made.residentBytes, 0)
    }
  })

  test('streaming reads ahead and keeps nothing, whatever the budget', async () => {
    const made = await planned('streaming', '64MB')
    assert.equal(made.slots, 2)
    assert.equal(made.pinnedBlocks, 0)
    assert.equal(made.residentBytes, 0)
    assert.ok(made.streamedBytesPerToken > 3_000_000)
    assert.equal(made.promptTokensPerPass, 256)
  })

  test('normal keeps blocks before it takes longer chunks of the prompt, adaptive the other way', async () => {
    const normal = await planned('normal', 4_000_000)
    const adaptive = await planned('adaptive', 4_000_000)
    assert.ok(normal.pinnedBlocks > adaptive.pinnedBlocks)
    assert.ok(normal.promptTokensPerPass < adaptive.promptTokensPerPass)
    assert.ok(normal.streamedBytesPerToken < adaptive.streamedBytesPerToken)
  })

  test('adaptive is the default', async () => {
    assert.deepEqual(await planned(undefined, 4_000_000), await planned('adaptive', 4_000_000))
    assert.equal((await planned(undefined, 4_000_000)).mode, 'adaptive')
  })
})

for (const worker of [true, false]) {
  test(`every mode at every budget: the same logits, peak = plan (worker: ${worker})`, async () => {
    const sweep = await plan(bundled, CONTEXT)
    const wanted = await run({ ...CONTEXT, memoryBudget: sweep.minBudget })
    const seen = new Set()
    for (const mode of MODES) {
      for (const memoryBudget of budgetsOf(sweep, 8)) {
        const got = await run({ ...CONTEXT, mode, memoryBudget, worker })
        const what = `${mode}, ${memoryBudget} bytes`
        assert.deepEqual(got.ids, wanted.ids, what)
        assert.equal(got.stats.engine.logitsHash, wanted.stats.engine.logitsHash, what)
        assert.equal(got.stats.engine.mode, mode, what)
        const { memory } = got.stats
        assert.equal(memory.peakBytes, got.plan.peakBytes, what)
        assert.equal(memory.plannedPeakBytes, got.plan.peakBytes, what)
        assert.ok(memory.peakBytes <= memoryBudget, what)
        assert.deepEqual(memory.byPurpose, got.plan.byPurpose, what)
        seen.add(`${mode} ${got.plan.slots} ${got.plan.promptTokensPerPass}`)
      }
    }
    assert.ok(seen.size > MODES.length, `${[...seen]}`)
  })
}

test('the budget moves in every mode, and the logits stay', async () => {
  const wanted = await run({ ...CONTEXT, memoryBudget: 3_000_000 })
  for (const mode of MODES) {
    const options = { ...CONTEXT, mode, memoryBudget: 3_000_000, maxMemoryBudget: '8MB' }
    const model = await load(bundled, options)
    const ids = []
    for await (const { id } of model.generate(STORY, GREEDY)) {
      ids.push(id)
      const { smallestBytes, maxBudgetBytes } = model.plan
      const made = await model.setBudget(ids.length % 3 ? maxBudgetBytes : smallestBytes)
      assert.equal(made.mode, mode)
      if (mode === 'streaming' || mode === 'memory-opt') assert.equal(made.pinnedBlocks, 0)
      assert.equal(model.stats().memory.currentBytes, made.peakBytes)
    }
    assert.deepEqual(ids, wanted.ids)
    assert.equal(model.stats().engine.logitsHash, wanted.stats.engine.logitsHash)
    await model.close()
  }
})
