// Options are checked before anything is done: each error names the option, its value and what is allowed.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatSize, load, parseSize, plan, TinyAIError } from '../../dist/index.js'
import { bundled } from './paths.mjs'

const WRONG_LOAD = [
  [{ memoryBudget: 0 }, /memoryBudget is 0: it must be a number of bytes from 1 to \d+/],
  [{ memoryBudget: -1 }, /memoryBudget is -1/],
  [{ memoryBudget: 1.5 }, /memoryBudget is 1.5/],
  [{ memoryBudget: '256 apples' }, /memoryBudget is '256 apples': .*'256MB'/],
  [{ memoryBudget: 2 ** 33 }, /memoryBudget/],
  [{ contextLength: 0 }, /contextLength is 0: it must be a whole number/],
  [{ contextLength: '8' }, /contextLength is '8'/],
  [{ kv: 'f64' }, /kv is 'f64': it must be 'f32', 'f16', 'q8'/],
  [{ kernels: 'cuda' }, /kernels is 'cuda': it must be 'auto', 'scalar', 'simd128'/],
  [{ threads: 0 }, /threads is 0/],
  [
    { memoryBudget: '512MB', maxMemoryBudget: '256MB' },
    /maxMemoryBudget is '256MB': it must be at least memoryBudget, 536870912 bytes/,
  ],
  [{ maxMemoryBudget: 'much' }, /maxMemoryBudget is 'much'/],
  [{ mode: 'balanced' }, /mode is 'balanced': it must be 'normal', 'memory-opt', 'streaming'/],
  [{ mode: 'MEMORY_OPT' }, /mode is 'MEMORY_OPT'/],
  [{ prefetch: 1 }, /prefetch is 1: it must be true or false/],
  [{ readChunkBytes: 100 }, /readChunkBytes is 100: .*from 4096/],
  [{ worker: 'yes' }, /worker is 'yes'/],
  [{ wasmUrl: 5 }, /wasmUrl is 5/],
  [{ wasmBytes: [1] }, /wasmBytes is an array/],
  [{ signal: {} }, /signal is an object: it must be an AbortSignal/],
  [{ onProgress: 'x' }, /onProgress is 'x': it must be a function/],
  [{ memoryBuget: 5 }, /no option memoryBuget here; known are memoryBudget, /],
  [null, /options is null/],
]

const LATER_LOAD = [
  [{ cache: '/tmp' }, /cache '\/tmp' is not supported yet; supported: 'auto', 'none'/],
  [{ sha256: 'ab' }, /option sha256 is not supported yet/],
]

const WRONG_GENERATE = [
  [{ maxTokens: 0 }, /maxTokens is 0/],
  [{ temperature: -1 }, /temperature is -1: it must be a number from 0 to 100/],
  [{ temperature: Number.NaN }, /temperature is NaN/],
  [{ topK: 1.5 }, /topK is 1.5/],
  [{ topP: 2 }, /topP is 2: it must be a number from 0 to 1/],
  [{ minP: '0' }, /minP is '0'/],
  [{ repeatPenalty: 0 }, /repeatPenalty is 0/],
  [{ repeatLastN: -1 }, /repeatLastN is -1/],
  [{ seed: 2 ** 60 }, /seed is/],
  [{ stop: '' }, /stop is ''/],
  [{ stop: Array(17).fill('a') }, /at most 16/],
  [{ stop: ['x'.repeat(1024)] }, /1024 bytes/],
  [{ stop: 'a\0b' }, /without NUL/],
  [{ ignoreEos: 1 }, /ignoreEos is 1/],
  [{ addSpecial: 'no' }, /addSpecial is 'no'/],
  [{ maxToken: 5 }, /no option maxToken here/],
]

const refused = (code, pattern) => (error) => {
  assert.ok(error instanceof TinyAIError, error.stack)
  assert.equal(error.code, code)
  assert.match(error.message, pattern)
  return true
}

describe('load and plan refuse', () => {
  for (const [options, pattern] of WRONG_LOAD) {
    test(`${pattern}`, async () => {
      await assert.rejects(load(bundled, options), refused('E_ARGUMENT', pattern))
      await assert.rejects(plan(bundled, options), refused('E_ARGUMENT', pattern))
    })
  }
  for (const [options, pattern] of LATER_LOAD) {
    test(`${pattern}`, async () => {
      await assert.rejects(load(bundled, options), refused('E_UNSUPPORTED', pattern))
    })
  }

  for (const source of [undefined, null, 5, {}, { size: 5 }, []]) {
    test(`the source ${JSON.stringify(source)}`, async () => {
      await assert.rejects(load(source), refused('E_ARGUMENT', /source must be a path, a URL/))
    })
  }

  test('an empty source, an unknown protocol, a size that is not exact', async () => {
    await assert.rejects(load(''), refused('E_ARGUMENT', /empty string/))
    await assert.rejects(load('ftp://host/model.gguf'), refused('E_ARGUMENT', /ftp: URL/))
    await assert.rejects(load('http://'), refused('E_ARGUMENT', /not a URL/))
    const source = { size: 1.5, identity: '', read: async () => new Uint8Array() }
    await assert.rejects(load(source), refused('E_SIZE', /source.size is 1.5/))
  })
})

test('setBudget and memoryReport check what they are given', async () => {
  const model = await load(bundled, { contextLength: 64, worker: false })
  for (const bytes of [undefined, null, 0, -1, 1.5, 'much', 2 ** 33]) {
    await assert.rejects(model.setBudget(bytes), refused('E_ARGUMENT', /^the budget is /))
  }
  for (const format of ['xml', 5]) {
    const wrong = refused('E_ARGUMENT', /format is .*: it must be 'text', 'json'/)
    await assert.rejects(model.memoryReport({ format }), wrong)
  }
  await assert.rejects(
    model.memoryReport({ form: 'text' }),
    refused('E_ARGUMENT', /no option form/),
  )
  await model.close()
})

describe('generate refuses', () => {
  for (const [options, pattern] of WRONG_GENERATE) {
    test(`${pattern}`, async () => {
      const model = await load(bundled, { contextLength: 64, worker: false })
      assert.throws(() => model.generate('Once', options), refused('E_ARGUMENT', pattern))
      await model.close()
    })
  }

  test('prompts and ids that are none', async () => {
    const model = await load(bundled, { contextLength: 64, worker: false })
    const wrong = refused('E_ARGUMENT', /array of token ids/)
    assert.throws(() => model.generate(5), wrong)
    assert.throws(() => model.generate([]), wrong)
    assert.throws(() => model.generate([1.5]), wrong)
    await assert.rejects(model.logits([]), wrong)
    await assert.rejects(model.logits([-1]), wrong)
    await assert.rejects(model.tokenize(5), refused('E_ARGUMENT', /text is 5: it must be a string/))
    const unknown = refused('E_ARGUMENT', /.../)
    await assert.rejects(model.logits([99999]), unknown)
    await assert.rejects(model.detokenize([99999]), unknown)
    await assert.rejects(model.generate([99999]).next(), unknown)
    assert.ok((await model.logits([1])).length > 0, 'the model still works')
    await model.close()
  })
})

describe('what is asked for is what happens', () => {
  test('one thread needs no reason', async () => {
    const model = await load(bundled, { contextLength: 64, threads: 1 })
    assert.equal(model.stats().engine.threads, 1)
    assert.equal(model.stats().engine.threadsReason, null)
    await model.close()
  })

  test('kernels, variant, version, budget', async () => {
    for (const [kernels, used] of [
      ['auto', 'simd128'],
      ['scalar', 'scalar'],
      ['simd128', 'simd128'],
    ]) {
      const model = await load(bundled, { contextLength: 64, kernels, memoryBudget: '3MB' })
      const { engine, memory } = model.stats()
      assert.equal(engine.kernels, used)
      assert.equal(engine.variant, 'worker')
      assert.equal(engine.module, 'tinyai.wasm')
      assert.match(engine.version, /^\d+\.\d+\.\d+$/)
      assert.equal(memory.budgetBytes, 3 << 20)
      await model.close()
    }
  })

  test('the same seed gives the same text, another seed another one', async () => {
    const model = await load(bundled, { contextLength: 128 })
    const draw = async (seed) => {
      let text = ''
      const settings = { temperature: 1.5, maxTokens: 30, ignoreEos: true, seed }
      for await (const piece of model.generate('Once upon a time', settings)) text += piece.text
      return [text, model.stats().engine.seed]
    }
    assert.deepEqual(await draw(7), await draw(7))
    assert.notDeepEqual(await draw(7), await draw(8))
    const [text, seed] = await draw(undefined)
    assert.deepEqual(await draw(seed), [text, seed])
    assert.deepEqual((await draw(2 ** 53 - 1))[1], 2 ** 53 - 1)
    await model.close()
  })

  test('stop strings end the text before them', async () => {
    const model = await load(bundled, { contextLength: 128 })
    const settings = { temperature: 0, maxTokens: 60 }
    const text = async (stop) => {
      let all = ''
      for await (const piece of model.generate('Once upon a time', { ...settings, stop }))
        all += piece.text
      return all
    }
    const whole = await text()
    const word = whole.split(' ')[8]
    assert.equal(await text(word), whole.slice(0, whole.indexOf(word)))
    assert.equal(await text(['never in it', word]), whole.slice(0, whole.indexOf(word)))
    await model.close()
  })

  test('wasmBytes and wasmUrl', async () => {
    const { readFileSync } = await import('node:fs')
    const wasmUrl = new URL('../../dist/tinyai.wasm', import.meta.url)
    const wasmBytes = readFileSync(wasmUrl)
    for (const options of [{ wasmUrl }, { wasmUrl: wasmUrl.href }, { wasmBytes }]) {
      assert.ok((await plan(bundled, options)).fits)
    }
    const missing = plan(bundled, { wasmUrl: new URL('none.wasm', wasmUrl) })
    await assert.rejects(missing, refused('E_NOT_FOUND', /none\.wasm.*wasmUrl/))
    const garbage = plan(bundled, { wasmBytes: new Uint8Array(8) })
    await assert.rejects(garbage, refused('E_UNSUPPORTED', /cannot be compiled/))
  })
})

describe('sizes', () => {
  test('as text', () => {
    const good = {
      4096: 4096,
      '256MB': 2 ** 28,
      '1.5 GB': 1.5 * 2 ** 30,
      '64k': 65536,
      '2MiB': 2 ** 21,
      '7 b': 7,
    }
    for (const [text, bytes] of Object.entries(good)) assert.equal(parseSize(text), bytes, text)
    for (const text of ['', 'MB', '-1', '1e6', '1 TB', '0x10', '1,5MB']) {
      assert.ok(Number.isNaN(parseSize(text)), text)
    }
  })

  test('for people', () => {
    const good = {
      0: '0 bytes',
      1: '1 byte',
      999: '999 bytes',
      1000: '0.98 KB',
      65536: '64.0 KB',
      3750720: '3.58 MB',
      268435456: '256 MB',
      5368709120: '5.00 GB',
    }
    for (const [bytes, text] of Object.entries(good)) assert.equal(formatSize(Number(bytes)), text)
  })
})
