// Busy, leaving early, aborting, closing: with a worker and without one.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { load, plan } from '../../dist/index.js'
import { bundled } from './paths.mjs'
import { serveBytes } from './server.mjs'

const STORY = 'Once upon a time, there was a little rabbit who'
const GREEDY = { temperature: 0, maxTokens: 40, ignoreEos: true }
const file = readFileSync(bundled)
/** Small enough to stream all blocks. */
const SMALL = { contextLength: 256, memoryBudget: 2_000_000 }

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function textOf(pieces) {
  let text = ''
  for await (const piece of pieces) text += piece.text
  return text
}

/** A source in memory whose reads, once the gate is shut, wait until they are let through or aborted. */
function gatedSource() {
  const gate = { open: true, waiting: 0, aborted: 0, wake: () => {} }
  const read = async (offset, length, signal) => {
    if (!gate.open) {
      gate.waiting++
      gate.wake()
      while (!gate.open) {
        if (signal.aborted) {
          gate.aborted++
          throw signal.reason
        }
        await sleep(1)
      }
    }
    return file.subarray(offset, offset + length)
  }
  gate.reached = new Promise((resolve) => {
    gate.wake = resolve
  })
  return { gate, source: { size: file.length, identity: 'gated', read } }
}

for (const worker of [true, false]) {
  const options = { ...SMALL, worker }

  describe(worker ? 'a model in a worker' : 'a model in this thread', () => {
    test('refuses a second operation while one runs, and goes on with the first', async () => {
      const model = await load(bundled, options)
      const alone = await textOf(model.generate(STORY, GREEDY))
      const pieces = model.generate(STORY, GREEDY)
      let text = (await pieces.next()).value.text
      await assert.rejects(model.generate(STORY, GREEDY).next(), { code: 'E_BUSY' })
      await assert.rejects(model.logits([1]), { code: 'E_BUSY' })
      await assert.rejects(model.perplexity(STORY), { code: 'E_BUSY' })
      await assert.rejects(model.tokenize(STORY), { code: 'E_BUSY' })
      await assert.rejects(model.detokenize([300]), { code: 'E_BUSY' })
      text += await textOf(pieces)
      assert.equal(text, alone)
      await model.close()
    })

    test('can be used again after its loop was left early', async () => {
      const model = await load(bundled, options)
      const whole = await textOf(model.generate(STORY, GREEDY))
      let count = 0
      for await (const _ of model.generate(STORY, GREEDY)) if (++count === 3) break
      assert.equal(await textOf(model.generate(STORY, GREEDY)), whole)
      for await (const _ of model.generate(STORY, GREEDY)) break
      assert.ok((await model.logits([1, 300])).length > 0)
      await model.close()
    })

    test('does nothing before its pieces are asked for', async () => {
      const model = await load(bundled, options)
      const before = model.stats().stream.bytesRead
      const pieces = model.generate(STORY, GREEDY)
      await sleep(30)
      assert.equal(model.stats().stream.bytesRead, before)
      assert.ok((await model.tokenize(STORY)).length > 0, 'not busy either')
      await pieces.return()
      await model.close()
    })

    test('an abort ends a generation with an AbortError, also while it waits for bytes', async () => {
      const { gate, source } = gatedSource()
      const model = await load(source, options)
      gate.open = false
      const controller = new AbortController()
      const text = textOf(model.generate(STORY, { ...GREEDY, signal: controller.signal }))
      await gate.reached
      controller.abort()
      await assert.rejects(text, { name: 'AbortError' })
      await sleep(20)
      assert.equal(gate.aborted, gate.waiting, 'no read is left behind')
      gate.open = true
      const free = await load(bundled, options)
      assert.equal(
        await textOf(model.generate(STORY, GREEDY)),
        await textOf(free.generate(STORY, GREEDY)),
      )
      await free.close()
      await model.close()
    })

    test('an abort between two pieces takes effect at the next', async () => {
      const model = await load(bundled, options)
      const controller = new AbortController()
      let count = 0
      const loop = async () => {
        const settings = { ...GREEDY, signal: controller.signal }
        for await (const _ of model.generate(STORY, settings)) if (++count === 5) controller.abort()
      }
      await assert.rejects(loop(), { name: 'AbortError' })
      assert.equal(count, 5)
      await model.close()
    })

    test('an abort within a long computation comes through within 50 ms', async () => {
      const model = await load(bundled, { contextLength: 512, worker, kernels: 'scalar' })
      const text = readFileSync(bundled.replace(/[^/]*$/, 'MODEL_CARD.md'), 'utf8').repeat(3)
      const controller = new AbortController()
      const result = model.perplexity(text, { signal: controller.signal })
      await sleep(100)
      const start = performance.now()
      controller.abort()
      await assert.rejects(result, { name: 'AbortError' })
      assert.ok(performance.now() - start < 50, `${performance.now() - start} ms`)
      await model.close()
    })

    test('a signal that is aborted already starts nothing', async () => {
      const signal = AbortSignal.abort()
      await assert.rejects(plan(bundled, { ...options, signal }), { name: 'AbortError' })
      await assert.rejects(load(bundled, { ...options, signal }), { name: 'AbortError' })
      const model = await load(bundled, options)
      for (const call of [
        () => model.generate(STORY, { signal }).next(),
        () => model.tokenize(STORY, { signal }),
        () => model.detokenize([300], { signal }),
        () => model.logits([1], { signal }),
        () => model.perplexity(STORY, { signal }),
      ]) {
        await assert.rejects(call(), { name: 'AbortError' })
      }
      await model.close()
    })

    test('a timeout stays a TimeoutError', async () => {
      const { gate, source } = gatedSource()
      const model = await load(source, options)
      gate.open = false
      const text = textOf(model.generate(STORY, { ...GREEDY, signal: AbortSignal.timeout(30) }))
      await assert.rejects(text, { name: 'TimeoutError' })
      await model.close()
    })

    test('an abort ends planning and loading from a server that does not answer', async () => {
      const server = await serveBytes(file, () => true)
      for (const call of [plan, load]) {
        const signal = AbortSignal.timeout(100)
        await assert.rejects(call(server.url, { ...options, signal }), { name: 'TimeoutError' })
      }
      await server.close()
    })

    test('closing while it generates rejects with E_CLOSED, and every use after that', async () => {
      const { gate, source } = gatedSource()
      const model = await load(source, options)
      gate.open = false
      const text = textOf(model.generate(STORY, GREEDY))
      text.catch(() => {})
      await gate.reached
      await model.close()
      await assert.rejects(text, { code: 'E_CLOSED' })
      assert.equal(gate.aborted, gate.waiting)
      await model.close()
      await assert.rejects(model.generate(STORY).next(), { code: 'E_CLOSED' })
      await assert.rejects(model.tokenize(STORY), { code: 'E_CLOSED' })
      assert.equal(model.stats().memory.peakBytes, model.plan.peakBytes, 'the last numbers stay')
    })

    test('closing between two pieces, also within the loop, ends it with E_CLOSED', async () => {
      const model = await load(bundled, options)
      const pieces = model.generate(STORY, GREEDY)
      await pieces.next()
      await model.close()
      await assert.rejects(pieces.next(), { code: 'E_CLOSED' })
      assert.deepEqual(await pieces.next(), { value: undefined, done: true })
      const other = await load(bundled, options)
      const loop = async () => {
        for await (const _ of other.generate(STORY, GREEDY)) await other.close()
      }
      await assert.rejects(loop(), { code: 'E_CLOSED' })
    })

    test('Symbol.asyncDispose closes', async () => {
      const model = await load(bundled, options)
      await model[Symbol.asyncDispose]()
      await assert.rejects(model.tokenize(STORY), { code: 'E_CLOSED' })
    })

    test('two models run side by side, each as if alone', async () => {
      const [one, two] = [
        await load(bundled, options),
        await load(bundled, { ...options, contextLength: 100, kv: 'f32' }),
      ]
      const alone = [
        await textOf(one.generate(STORY, GREEDY)),
        await textOf(two.generate('The', GREEDY)),
      ]
      const together = await Promise.all([
        textOf(one.generate(STORY, GREEDY)),
        textOf(two.generate('The', GREEDY)),
      ])
      assert.deepEqual(together, alone)
      await one.close()
      assert.equal(await textOf(two.generate('The', GREEDY)), alone[1])
      await two.close()
    })

    test('opening and closing again and again leaves nothing behind', async () => {
      const handles = () => process.getActiveResourcesInfo().length
      await (await load(bundled, options)).close()
      const before = handles()
      for (let i = 0; i < 20; i++) {
        const model = await load(bundled, options)
        for await (const _ of model.generate(STORY, { maxTokens: 2 }));
        await model.close()
      }
      assert.ok(handles() <= before, process.getActiveResourcesInfo().join())
    })

    test('tells progress, blocks and memory as they change, until it is told not to', async () => {
      const stages = []
      const onProgress = (progress) => stages.push(progress)
      const model = await load(bundled, { ...options, onProgress })
      const seen = { block: [], memory: [], progress: [] }
      const ends = Object.keys(seen).map((event) =>
        model.on(event, (value) => seen[event].push(value)),
      )
      for await (const _ of model.generate(STORY, GREEDY));
      assert.equal(stages[0].stage, 'header')
      const weights = stages.filter(({ stage }) => stage === 'weights')
      assert.deepEqual(seen.progress, weights)
      const { loaded, total } = weights.at(-1)
      assert.equal(loaded, total)
      for (const [i, one] of weights.entries()) {
        assert.equal(one.total, total)
        assert.ok(one.loaded <= total && one.loaded >= (weights[i - 1]?.loaded ?? 0))
      }
      assert.ok(seen.block.length > 0)
      assert.deepEqual(Object.keys(seen.block[0]).sort(), ['bytes', 'index', 'pinned', 'state'])
      assert.ok(seen.memory.length > 0)
      const counts = () => Object.values(seen).map((list) => list.length)
      const before = counts()
      for (const end of ends) end()
      for await (const _ of model.generate(STORY, GREEDY));
      assert.deepEqual(counts(), before)
      await model.close()
    })
  })
}

test('a trap of the engine is E_INTERNAL, then and ever after, and the model can be closed', async () => {
  const { instantiate } = WebAssembly
  WebAssembly.instantiate = async (...args) => {
    const { exports } = await instantiate(...args)
    const tinyai_js_step = () => {
      throw new WebAssembly.RuntimeError('unreachable')
    }
    return { exports: { ...exports, tinyai_js_step } }
  }
  try {
    const model = await load(bundled, { ...SMALL, worker: false })
    const trapped = { code: 'E_INTERNAL', message: /unreachable.*please report/ }
    await assert.rejects(model.generate(STORY).next(), trapped)
    await assert.rejects(model.tokenize(STORY), trapped)
    await assert.rejects(model.generate(STORY).next(), trapped)
    await model.close()
  } finally {
    WebAssembly.instantiate = instantiate
  }
})

/** Runs a script with `load` and `bundled` in a process of its own; resolves to what it prints. */
function script(text) {
  const head = `
    import { load } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}
    const bundled = ${JSON.stringify(bundled)}`
  const args = ['--input-type=module', '-e', `${head}\n${text}`]
  return execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 })
}

test('a model that is idle does not keep the process running', () => {
  const text = script(`
    const model = await load(bundled)
    for await (const { text } of model.generate('Once', { maxTokens: 3 })) process.stdout.write(text)`)
  assert.ok(text.length > 0)
})

test('a listener that throws does not end the generation', () => {
  for (const worker of [true, false]) {
    const [tokens, errors] = script(`
      let errors = 0
      process.on('uncaughtException', ({ message }) => {
        if (message === 'of the listener') errors++
      })
      const model = await load(bundled, { worker: ${worker} })
      model.on('block', () => { throw new Error('of the listener') })
      let tokens = 0
      for await (const _ of model.generate('Once', { maxTokens: 5, ignoreEos: true })) tokens++
      await model.close()
      console.log(tokens, errors)`).split(' ')
    assert.equal(Number(tokens), 5)
    assert.ok(Number(errors) > 0)
  }
})
