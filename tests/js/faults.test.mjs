// The host runs out of memory: the n-th WebAssembly compilation, memory, instantiation or JavaScript buffer fails, once
// or from then on, for every n that an operation has. Each time: E_NOMEM (or nothing but an event is lost), nothing is
// left behind, what was there can be used, and the next try works. Without a worker, so that all claims are here.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { load, plan } from '../../dist/index.js'
import { bundled, root } from './paths.mjs'
import { serveFiles } from './server.mjs'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')

const OPTIONS = { contextLength: 64, memoryBudget: 2_500_000, worker: false }
const GREEDY = { temperature: 0, maxTokens: 6, ignoreEos: true }
const file = readFileSync(bundled)

// ---- claims that can fail ----

const RealBytes = Uint8Array
const real = { ...pick(WebAssembly, ['compile', 'instantiate', 'Memory']) }
function pick(object, names) {
  return Object.fromEntries(names.map((name) => [name, object[name]]))
}

/** Claims so far, and which of them fail: the n-th (0: none), or all from there on. */
const faults = { claims: 0, failing: 0, forEver: false }
/** All WebAssembly memories that were given. */
const memories = []

function claim() {
  faults.claims++
  const { claims, failing, forEver } = faults
  if (failing > 0 && (forEver ? claims >= failing : claims === failing))
    throw new RangeError('Array buffer allocation failed')
}

class CountedMemory extends real.Memory {
  constructor(descriptor) {
    claim()
    super(descriptor)
    memories.push(new WeakRef(this))
  }
}

const PACKAGE = new URL('../../dist/', import.meta.url).href

/** Node makes buffers of its own by the same constructor: in fetch, streams, blobs. */
function madeByPackage() {
  const callers = new Error().stack.split('\n').slice(3) // behind this function and the constructor
  const first = callers.find((line) => !line.includes('<anonymous>')) // slice() makes one, too
  return first?.includes(PACKAGE)
}

/** A view of a buffer that is there takes no memory of its own. */
class CountedBytes extends RealBytes {
  constructor(...args) {
    if (!(args[0] instanceof ArrayBuffer) && madeByPackage()) claim()
    super(...args)
  }
  static [Symbol.hasInstance](value) {
    return Function.prototype[Symbol.hasInstance].call(RealBytes, value)
  }
}

before(() => {
  globalThis.Uint8Array = CountedBytes
  WebAssembly.Memory = CountedMemory
  for (const name of ['compile', 'instantiate']) {
    WebAssembly[name] = async (...args) => {
      claim()
      return await real[name](...args)
    }
  }
})
after(() => {
  globalThis.Uint8Array = RealBytes
  Object.assign(WebAssembly, real)
})

// ---- sources ----

let server
before(async () => {
  server = await serveFiles(root)
})
after(() => server.close())

const SOURCES = {
  file: () => bundled,
  url: () => new URL('models/storyteller/storyteller-q8_0.gguf', server.url),
  Blob: () => new Blob([file]),
  'own source': () => ({
    size: file.length,
    identity: 'own',
    read: async (offset, length) => file.subarray(offset, offset + length),
  }),
}

/** Files and sockets; connections to the server stay open for a while. */
const openFiles = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0)
const CONNECTIONS = 64

async function liveMemories() {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 2)) // a WeakRef holds on until the end of a turn
    gc()
  }
  return memories.filter((memory) => memory.deref()).length
}

async function run(model) {
  const ids = []
  for await (const { id } of model.generate('Once upon a time', GREEDY)) ids.push(id)
  return { ids, logitsHash: model.stats().engine.logitsHash }
}

/**
 * attempt() under each fault until it has none left, in both kinds; afterwards(outcome) with all claims granted, where
 * outcome is {value} or {error}. Returns the number of claims.
 */
async function underEachFault(t, what, attempt, afterwards) {
  const counts = {}
  for (const forEver of [false, true]) {
    let refused = 0
    for (let n = 1; ; n++) {
      Object.assign(faults, { claims: 0, failing: n, forEver })
      let outcome
      try {
        outcome = { value: await attempt() }
      } catch (error) {
        outcome = { error }
      }
      const reached = faults.claims >= n
      faults.failing = 0
      const where = `${what}, claim ${n}${forEver ? ' and all later ones' : ''}`
      if (outcome.error) {
        refused++
        assert.ok(reached, `${where}: ${outcome.error.stack}`)
        assert.equal(outcome.error.name, 'TinyAIError', `${where}: ${outcome.error.stack}`)
        assert.equal(outcome.error.code, 'E_NOMEM', where)
        assert.match(outcome.error.message, /Array buffer allocation failed/, where)
      }
      await afterwards(outcome, where)
      if (!reached) {
        assert.ok(outcome.value !== undefined, where)
        counts[forEver ? 'for ever' : 'once'] = `K = ${n - 1}, refused ${refused}`
        break
      }
    }
  }
  t.diagnostic(`${what}: ${JSON.stringify(counts)}`)
}

const unhandled = []
process.on('unhandledRejection', (error) => unhandled.push(error))
after(() => assert.deepEqual(unhandled, []))

for (const [name, source] of Object.entries(SOURCES)) {
  describe(`out of memory, source: ${name}`, () => {
    test('plan', async (t) => {
      const wanted = await plan(source(), OPTIONS)
      await underEachFault(
        t,
        `plan (${name})`,
        () => plan(source(), OPTIONS),
        async ({ value }, where) => {
          if (value) assert.deepEqual(value, wanted, where)
          assert.deepEqual(await plan(source(), OPTIONS), wanted, where)
        },
      )
    })

    test('load', async (t) => {
      const first = await load(source(), OPTIONS)
      const wanted = [await run(first), first.plan]
      await first.close()
      const files = openFiles()
      await underEachFault(
        t,
        `load (${name})`,
        () => load(source(), OPTIONS),
        async ({ value }, where) => {
          await value?.close()
          assert.ok(openFiles() <= files + (name === 'url' ? CONNECTIONS : 0), where)
          const next = await load(source(), OPTIONS)
          assert.deepEqual([await run(next), next.plan], wanted, where)
          await next.close()
        },
      )
      assert.ok((await liveMemories()) <= 2, 'memory of what failed is not held on to')
    })

    test('generate', async (t) => {
      const model = await load(source(), OPTIONS)
      const wanted = await run(model)
      const { currentBytes, byPurpose } = model.stats().memory
      await underEachFault(
        t,
        `generate (${name})`,
        () => run(model),
        async ({ value }, where) => {
          if (value) assert.deepEqual(value, wanted, where)
          assert.deepEqual(await run(model), wanted, where)
          const { memory } = model.stats()
          assert.equal(memory.currentBytes, currentBytes, where)
          assert.deepEqual(memory.byPurpose, byPurpose, where)
          assert.equal(memory.jsBytes, 0, where)
        },
      )
      await model.close()
    })

    test('tokenize, logits and the memory report', async (t) => {
      const model = await load(source(), OPTIONS)
      const all = async () => [
        await model.tokenize('Once upon a time'),
        await model.logits([1, 300, 400]),
        JSON.stringify((await model.memoryReport({ format: 'json' })).owners[0].byPurpose),
        await model.schedule(),
      ]
      await all()
      const wanted = await all()
      await underEachFault(t, `others (${name})`, all, async ({ value }, where) => {
        if (value) assert.deepEqual(value.slice(0, 3), wanted.slice(0, 3), where)
        assert.deepEqual((await all()).slice(0, 3), wanted.slice(0, 3), where)
      })
      await model.close()
    })

    test('set budget while it generates', async (t) => {
      const model = await load(source(), { ...OPTIONS, maxMemoryBudget: 8 << 20 })
      const wanted = await run(model)
      let before
      const change = async () => {
        before = model.plan
        const raised = await model.setBudget(before.budgetBytes > 4 << 20 ? 2_500_000 : 8 << 20)
        return raised.budgetBytes
      }
      for (const again of [1, 2]) {
        await underEachFault(
          t,
          `set budget (${name}), ${again}`,
          change,
          async ({ error }, where) => {
            if (error) assert.equal(model.plan, before, where)
            const { memory } = model.stats()
            assert.equal(memory.budgetBytes, model.plan.budgetBytes, where)
            assert.equal(memory.currentBytes, model.plan.peakBytes, where)
            assert.deepEqual(memory.byPurpose, model.plan.byPurpose, where)
            assert.deepEqual(await run(model), wanted, where)
          },
        )
        await change()
      }
      const pieces = model.generate('Once upon a time', GREEDY)
      const ids = [(await pieces.next()).value.id]
      await underEachFault(t, `set budget in between (${name})`, change, async () => {})
      for await (const { id } of pieces) ids.push(id)
      assert.deepEqual(
        { ids, logitsHash: model.stats().engine.logitsHash },
        wanted,
        'the generation that was under way goes on',
      )
      await model.close()
    })

    test('close, also in the middle of a generation', async (t) => {
      const files = openFiles()
      await underEachFault(
        t,
        `close (${name})`,
        async () => {
          const { failing } = faults
          faults.failing = 0
          const model = await load(source(), OPTIONS)
          const pieces = model.generate('Once upon a time', GREEDY)
          await pieces.next()
          Object.assign(faults, { claims: 0, failing })
          await model.close()
          await assert.rejects(model.tokenize('a'), { code: 'E_CLOSED' })
          return true
        },
        async ({ error }, where) => {
          assert.equal(error, undefined, where)
          assert.ok(openFiles() <= files + (name === 'url' ? CONNECTIONS : 0), where)
        },
      )
    })
  })
}
