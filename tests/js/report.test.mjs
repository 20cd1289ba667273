// memoryReport(): for people and as an object, with the facts of stats() and of the plan.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { load } from '../../dist/index.js'
import { bundled } from './paths.mjs'

const STORY = 'Once upon a time, there was a little rabbit who'
const GREEDY = { temperature: 0, maxTokens: 16, ignoreEos: true }
const OPTIONS = { contextLength: 256, memoryBudget: 4_000_000, maxMemoryBudget: '8MB' }
/** The guide's checklist. */
const CHECKLIST = [
  'Choose appropriate memory strategy',
  'Configure memory pools if needed',
  'Implement progressive loading for large models',
  'Enable memory tracking',
  'Monitor memory usage',
  'Handle out-of-memory conditions',
  'Implement cleanup procedures',
  'Consider mixed precision quantization',
  'Evaluate model pruning options',
  'Set up performance monitoring',
]

/** The one owner of a report on a model. */
function ownerOf(report) {
  assert.equal(report.owners.length, 1)
  assert.equal(report.owners[0].kind, 'model')
  return report.owners[0]
}

/** Checks the object against stats() and the plan of the model, which must be at rest. */
function assertFacts(report, model) {
  const { memory, stream } = model.stats()
  const owner = ownerOf(report)
  for (const name of [
    'budgetBytes',
    'currentBytes',
    'peakBytes',
    'totalAllocatedBytes',
    'allocationCount',
    'byPurpose',
  ]) {
    assert.deepEqual(owner[name], memory[name], name)
  }
  assert.equal(owner.reservedBytes, model.plan.reservedBytes)
  const { cache } = owner
  assert.deepEqual(
    [cache.hits, cache.misses, cache.passes],
    [stream.hits, stream.misses, stream.passes],
  )
  assert.deepEqual(
    [cache.layers, cache.slots, cache.pinned, cache.streamedBytesPerPass, cache.fileBytes],
    ['blocks', 'slots', 'pinnedBlocks', 'streamedBytesPerToken', 'fileBytes'].map(
      (name) => model.plan[name],
    ),
  )
  assert.equal(cache.minBudgetBytes, model.plan.minBudget)
  assert.equal(cache.residentBytes, model.plan.residentBytes)
  assert.deepEqual(
    report.checklist.map(({ item }) => item),
    CHECKLIST,
  )
  for (const { state, number, why } of report.checklist) {
    assert.ok(['done', 'not done', 'not applicable'].includes(state))
    assert.equal(typeof number, 'number')
    assert.ok(why.length > 0)
  }
  assert.equal(report.issues.length, 4)
}

for (const worker of [true, false]) {
  describe(`memoryReport(), worker: ${worker}`, () => {
    test('as an object has the facts of stats(), before and after a run and under another budget', async () => {
      const model = await load(bundled, { ...OPTIONS, worker })
      const report = () => model.memoryReport({ format: 'json' })
      assertFacts(await report(), model)
      for await (const _ of model.generate(STORY, GREEDY));
      assertFacts(await report(), model)
      await model.setBudget(model.plan.smallestBytes)
      assertFacts(await report(), model)
      await model.setBudget('8MB')
      for await (const _ of model.generate(STORY, GREEDY));
      assertFacts(await report(), model)
      await model.close()
    })

    test('for people says the same', async () => {
      const model = await load(bundled, { ...OPTIONS, worker })
      for await (const _ of model.generate(STORY, GREEDY));
      const text = await model.memoryReport()
      assert.equal(await model.memoryReport({ format: 'text' }), text)
      assert.match(text, /^TinyAI memory report\n/)
      const { memory, stream } = model.stats()
      const facts = [memory.budgetBytes, memory.currentBytes, memory.peakBytes]
      facts.push(model.plan.streamedBytesPerToken, model.plan.fileBytes, model.plan.minBudget)
      for (const bytes of facts) assert.ok(text.includes(` ${bytes} bytes`), `${bytes} in\n${text}`)
      for (const [purpose, bytes] of Object.entries(memory.byPurpose)) {
        if (bytes > 0) assert.match(text, new RegExp(`\\n +${bytes} +${purpose} `))
      }
      assert.ok(text.includes(`${stream.hits} hits, ${stream.misses} misses`), text)
      for (const item of CHECKLIST) assert.ok(text.includes(`] ${item} (`), item)
      await model.close()
    })

    test('names poor performance where a budget makes it, and not where nothing is streamed', async () => {
      const state = async (memoryBudget) => {
        const model = await load(bundled, { ...OPTIONS, memoryBudget, worker })
        for await (const _ of model.generate(STORY, GREEDY));
        const { issues } = await model.memoryReport({ format: 'json' })
        await model.close()
        return issues.find(({ item }) => item === 'Poor performance').state
      }
      assert.equal(await state(3_000_000), 'found')
      assert.equal(await state('8MB'), 'none')
    })

    test('while it generates, and beside tokenizing: neither notices', async () => {
      const model = await load(bundled, { ...OPTIONS, worker })
      const ids = []
      for await (const { id } of model.generate(STORY, GREEDY)) ids.push(id)
      const { logitsHash } = model.stats().engine
      const again = []
      for await (const { id } of model.generate(STORY, GREEDY)) {
        again.push(id)
        const [text, report] = await Promise.all([
          model.memoryReport(),
          model.memoryReport({ format: 'json' }),
        ])
        assert.match(text, /\nChecklist\n/)
        assert.equal(ownerOf(report).currentBytes, model.stats().memory.currentBytes)
      }
      assert.deepEqual(again, ids)
      assert.equal(model.stats().engine.logitsHash, logitsHash)

      const long = 'Ein Hase saß im Gras – und fraß. '.repeat(8000)
      const wanted = await model.tokenize(long)
      const tokens = model.tokenize(long)
      let done = false
      tokens.finally(() => {
        done = true
      })
      let reports = 0
      for (; !done; reports++) {
        assert.match(await model.memoryReport(), /\nChecklist\n/)
        await new Promise(setImmediate) // without a worker the tokenizer needs its turns
      }
      assert.ok(reports > 0)
      assert.deepEqual(await tokens, wanted)
      await model.close()
    })
  })
}
