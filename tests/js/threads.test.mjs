// Several threads: the same numbers, started and gone with the model. In a Node whose V8 is too old for them the model
// runs with one, and says why.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { load, plan } from '../../dist/index.js'
import { nodeWithRelaxedSimd } from './paths.mjs'

const bundled = new URL('../../models/storyteller/storyteller-q8_0.gguf', import.meta.url)
const PROMPT = 'Once upon a time there was a little rabbit who liked to run and jump all day long'
const able = Number.parseInt(process.versions.v8, 10) >= 12

async function hashOf(model) {
  for await (const _ of model.generate(PROMPT, { maxTokens: 6, temperature: 0, seed: 1 }));
  return model.stats().engine.logitsHash
}

const modelWith = (options) => load(bundled, { contextLength: 128, ...options })

if (!able)
  describe('threads in an old V8', () => {
    test('one, and the reason', async () => {
      const model = await modelWith({ threads: 2 })
      const { threads, threadsReason } = model.stats().engine
      assert.equal(threads, 1)
      assert.match(threadsReason, /V8 .* newer/)
      await model.close()
    })

    test('this file in a newer one', async (t) => {
      const { NODE_TEST_CONTEXT, ...env } = process.env // else it reports to the runner above instead of here
      const { status, stdout } = spawnSync(nodeWithRelaxedSimd, [fileURLToPath(import.meta.url)], {
        env,
        encoding: 'utf8',
      })
      assert.equal(status, 0, stdout)
      t.diagnostic(stdout.match(/pass \d+/)[0])
      assert.match(stdout, /fail 0\b/)
    })
  })

if (able)
  describe('threads', () => {
    for (const worker of [true, false]) {
      test(`1 to 4 give the same logits, worker: ${worker}`, async () => {
        const hashes = new Set()
        for (const threads of [1, 2, 3, 4]) {
          const model = await modelWith({ threads, worker })
          assert.equal(model.stats().engine.threads, threads)
          assert.equal(model.stats().engine.threadsReason, null)
          for (let i = 0; i < 3; i++) hashes.add(await hashOf(model))
          await model.close()
        }
        assert.equal(hashes.size, 1)
      })
    }

    test('their stacks are part of the plan, which load takes exactly', async () => {
      const one = await plan(bundled, { contextLength: 128, threads: 1 })
      const three = await plan(bundled, { contextLength: 128, threads: 3 })
      assert.equal(three.byPurpose.threads - one.byPurpose.threads, 2 * 65536)
      const model = await modelWith({ threads: 3, memoryBudget: three.minBudget })
      assert.equal(model.stats().memory.plannedPeakBytes, three.minBudget)
      const single = await modelWith({ threads: 1 })
      assert.equal(await hashOf(model), await hashOf(single))
      await model.close()
      await single.close()
    })

    test('by default there are none that the budget has no room for', async () => {
      const { minBudget } = await plan(bundled, { contextLength: 128, threads: 1 })
      const model = await modelWith({ memoryBudget: minBudget })
      assert.equal(model.stats().engine.threads, 1)
      await model.close()
    })

    test('a module without threads runs with one, and says so', async () => {
      const wasmUrl = new URL('../../dist/tinyai.wasm', import.meta.url)
      const model = await modelWith({ threads: 2, wasmUrl })
      assert.equal(model.stats().engine.threads, 1)
      assert.match(model.stats().engine.threadsReason, /tinyai-threads\.wasm/)
      await model.close()
    })

    test('an abort while they compute leaves the model usable', async () => {
      const model = await modelWith({ threads: 3 })
      const wanted = await hashOf(model)
      for (let i = 0; i < 10; i++) {
        const abort = new AbortController()
        setTimeout(() => abort.abort(), i)
        const run = model.generate(PROMPT, { maxTokens: 60, signal: abort.signal, ignoreEos: true })
        await assert.rejects(
          async () => {
            for await (const _ of run);
          },
          { name: 'AbortError' },
        )
      }
      assert.equal(await hashOf(model), wanted)
      await model.close()
    })

    test('200 models come and go, also while they compute, and no worker stays', async () => {
      // In a thread of its own, whose only workers are these: it ends by itself when none is left.
      const script = `
      import { load } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}
      for (let i = 0; i < 200; i++) {
        const model = await load(new URL(${JSON.stringify(bundled.href)}), { contextLength: 64, threads: 2, worker: false })
        if (i % 10 === 0) {
          const pieces = model.generate('Once', { maxTokens: 4 })
          await pieces.next()
        }
        await model.close()
      }
      const left = process.getActiveResourcesInfo().filter((name) => /Worker|MessagePort/.test(name))
      if (left.length > 1) throw new Error('left: ' + left)`
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`))
      const [code] = await once(worker, 'exit')
      assert.equal(code, 0)
    })
  })
