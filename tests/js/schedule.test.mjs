// schedule(): the steps of a pass, against the plan and the statistics.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { load, plan } from '../../dist/index.js'
import { budgetsOf, MODES } from '../conformance/cases.mjs'
import { bundled } from './paths.mjs'

const CONTEXT = { contextLength: 256 }
const GREEDY = { temperature: 0, maxTokens: 6, ignoreEos: true }

/** Checks a schedule against the plan that the model runs by. */
function assertSchedule(steps, model) {
  const { blocks, slots, pinnedBlocks, headStrips, residentHeadStrips, mode } = model.plan
  assert.deepEqual(
    steps.map(({ index }) => index),
    steps.map((_, i) => i),
  )
  assert.deepEqual(
    steps.map(({ kind, unit }) => `${kind} ${unit}`),
    [
      'final 0',
      ...Array.from({ length: blocks }, (_, i) => `block ${i}`),
      ...Array.from({ length: headStrips }, (_, i) => `head ${i}`),
    ],
  )
  const ofKind = (kind) => steps.filter((step) => step.kind === kind)
  const pinned = (kind) => ofKind(kind).filter((step) => step.pinned).length
  assert.equal(pinned('block'), pinnedBlocks)
  assert.equal(pinned('head'), residentHeadStrips)

  const taken = ofKind('block').flatMap(({ slot }) => (slot === null ? [] : [slot]))
  assert.equal(new Set(taken).size, taken.length, 'no two blocks in one slot')
  assert.ok(taken.length <= slots)
  for (const { state, slot } of ofKind('block')) assert.equal(slot === null, state === 'absent')

  const [first, ...rest] = ofKind('block')
  assert.deepEqual([first.dependsOn, first.dependency], [null, 'none'])
  for (const { index, dependsOn, dependency } of rest) {
    assert.equal(dependsOn, index - 1)
    assert.equal(dependency, 'sequential')
  }
  for (const { dependsOn } of ofKind('head')) assert.equal(steps[dependsOn].unit, blocks - 1)
  for (const { prefetch } of steps) {
    if (prefetch === null) continue
    assert.notEqual(mode, 'memory-opt', 'one slot: nothing is read ahead')
    assert.equal(steps[prefetch].pinned, false)
  }
}

for (const worker of [true, false]) {
  describe(`schedule(), worker: ${worker}`, () => {
    test('agrees with the plan in every mode and at every budget, before and after a run', async () => {
      const sweep = await plan(bundled, CONTEXT)
      for (const mode of MODES) {
        for (const memoryBudget of budgetsOf(sweep, 4)) {
          const model = await load(bundled, { ...CONTEXT, mode, memoryBudget, worker })
          assertSchedule(await model.schedule(), model)
          for await (const _ of model.generate('Once', GREEDY));
          assertSchedule(await model.schedule(), model)
          await model.close()
        }
      }
    })

    test('agrees with the statistics after a run, and follows the budget', async () => {
      const options = { ...CONTEXT, memoryBudget: 3_000_000, maxMemoryBudget: '8MB', worker }
      const model = await load(bundled, options)
      for (const budget of [3_000_000, 8 << 20, 5_000_000, model.plan.smallestBytes]) {
        await model.setBudget(budget)
        for await (const _ of model.generate('Once', GREEDY));
        const steps = await model.schedule()
        assertSchedule(steps, model)
        const blocks = steps.filter(({ kind }) => kind === 'block')
        assert.deepEqual(
          blocks.map(({ unit: index, state, bytes, pinned }) => ({ index, state, bytes, pinned })),
          model.stats().blocks,
        )
        const streams = steps.some(({ pinned }) => !pinned)
        assert.equal(streams, model.plan.streamedBytesPerToken > 0)
        const ahead = steps.filter(({ prefetch }) => prefetch !== null)
        assert.equal(ahead.length > 0, streams)
      }
      await model.close()
    })

    test('can be asked for while it generates', async () => {
      const model = await load(bundled, { ...CONTEXT, memoryBudget: 4_500_000, worker })
      let count = 0
      for await (const _ of model.generate('Once', GREEDY)) {
        const steps = await model.schedule()
        assertSchedule(steps, model)
        assert.ok(steps.some(({ state }) => state === 'resident'))
        count++
      }
      assert.equal(count, GREEDY.maxTokens)
      await model.close()
    })
  })
}
