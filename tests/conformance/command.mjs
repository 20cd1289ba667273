// What the `tinyai` command must do on every host. A host gives
// `start(args, {input, cwd, env, uid})`, which resolves to {code, stdout, stderr}; `variant` is what its
// statistics call it; `otherKernels` are kernels that no machine of this host has.
import assert from 'node:assert/strict'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readGguf } from '../models/gguf-reader.mjs'

export const root = fileURLToPath(new URL('../../', import.meta.url))
export const model = 'models/storyteller/storyteller-q8_0.gguf' // relative to root
export const prompt = 'Once upon a time, there was a little rabbit who'
/** Greedy, with the settings of golden.json. */
export const greedy = ['--temperature', '0', '--kv', 'f32', '--max-tokens', '24']

const vectors = join(root, 'tests/vectors/storyteller')
const golden = JSON.parse(readFileSync(join(vectors, 'golden.json'), 'utf8'))
const goldenFile = golden.files['storyteller-q8_0.gguf']
const fileBytes = readFileSync(join(root, model))

/** The last line of standard error that is the command's error: it names the code in brackets. */
function errorOf(result) {
  const line = result.stderr.split('\n').findLast((l) => l.startsWith('tinyai: '))
  const match = /^tinyai: (.{20,}) \((E_[A-Z_]+)\)$/.exec(line ?? '')
  assert.ok(match, `no error in: ${result.stderr}`)
  return { message: match[1], code: match[2] }
}

const sum = (values) => values.reduce((a, b) => a + b, 0)

export function testCommand(host, start, more = {}) {
  const { variant = host, readsUrls = false, otherKernels } = more
  const ok = async (args, options) => {
    const result = await start(args, options)
    assert.equal(result.code, 0, result.stderr)
    return result
  }
  const json = async (args, options) => JSON.parse((await ok([...args, '--json'], options)).stdout)

  let folder
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tinyai-command-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))
  /** Writes a file of the temporary folder and returns its path. */
  const file = (name, bytes) => {
    writeFileSync(join(folder, name), bytes)
    return join(folder, name)
  }

  describe(`tinyai run (${host})`, () => {
    test('tells a story in less memory than the file has', async () => {
      const { stdout } = await ok(['run', model, prompt, '--memory', '2MB', ...greedy])
      assert.match(stdout, /^ [a-z][^\n]{40,}\n$/)
    })

    test('takes the prompt from standard input, without its last newline', async () => {
      const given = await ok(['run', model, prompt, ...greedy])
      assert.equal(
        (await ok(['run', model, ...greedy], { input: `${prompt}\n` })).stdout,
        given.stdout,
      )
      assert.equal((await ok(['run', model, ...greedy], { input: prompt })).stdout, given.stdout)
    })

    test('uses the bundled model when none is given', async () => {
      const { stdout } = await ok(['run', ...greedy], { input: prompt })
      assert.equal(stdout, (await ok(['run', model, prompt, ...greedy])).stdout)
    })

    test('begins with the token that llama.cpp chooses', async () => {
      for (const wanted of goldenFile.prompts.filter((p) => p.greedy_margin[0] >= 0.1)) {
        const result = await json(['run', model, wanted.prompt, ...greedy, '--max-tokens', '1'])
        assert.equal(result.tokens[0], wanted.greedy_ids[0], wanted.prompt)
        assert.equal(result.stats.speed.promptTokens, wanted.prompt_ids.length)
      }
    })

    test('gives one JSON object whose numbers agree', async () => {
      const args = ['run', model, prompt, '--memory', '2000000', ...greedy]
      const { text, tokens, stats } = await json(args)
      assert.equal(`${text}\n`, (await ok(args)).stdout)
      assert.equal(tokens.length, 24)
      assert.equal(stats.memory.budgetBytes, 2000000)
      assert.ok(stats.memory.peakBytes <= stats.memory.budgetBytes)
      assert.equal(stats.memory.peakBytes, stats.memory.plannedPeakBytes)
      assert.equal(sum(Object.values(stats.memory.byPurpose)), stats.memory.currentBytes)
      assert.ok(stats.stream.bytesRead > fileBytes.length, 'blocks are read again and again')
      assert.ok(stats.stream.misses > 0)
      assert.equal(stats.stream.hits + stats.stream.misses, 5 * stats.stream.passes)
      assert.deepEqual(
        stats.blocks.map((b) => b.index),
        [0, 1, 2, 3, 4],
      )
      assert.equal(stats.speed.generatedTokens, 24)
      assert.match(stats.engine.logitsHash, /^[0-9a-f]{16}$/)
      assert.notEqual(stats.engine.logitsHash, '0'.repeat(16))
      assert.equal(stats.engine.variant, variant)
    })

    test('computes the same with every budget, read size and kernel', async () => {
      const { minBudget, residentBytes } = await json(['plan', model, '--kv', 'f32'])
      const runs = [
        [],
        ['--memory', `${minBudget}`],
        ['--memory', `${Math.round((minBudget + residentBytes) / 2)}`, '--read-chunk', '5000'],
        ['--memory', `${residentBytes}`, '--read-chunk', '64KB'],
        ['--memory', '2MB', '--no-prefetch', '--kernels', 'scalar'],
      ]
      const seen = new Set()
      for (const options of runs) {
        const { tokens, stats } = await json(['run', model, prompt, ...greedy, ...options])
        seen.add(`${stats.engine.logitsHash} ${tokens}`)
      }
      assert.equal(seen.size, 1)
    })

    test('writes the memory report to a file, to standard output, or as JSON', async () => {
      const args = ['run', model, prompt, '--memory', '2MB', ...greedy, '--max-tokens', '2']
      const { stdout } = await ok([...args, '--context', '64', '--report', '-'])
      for (const part of ['\nTinyAI memory report\n', 'Checklist\n', '\nstream\n', '\nspeed\n'])
        assert.ok(stdout.includes(part), stdout)
      assert.match(stdout, / budget +2097152 bytes/)
      const path = join(folder, 'report.txt')
      await ok([...args, '--context', '64', '--report', path])
      assert.match(readFileSync(path, 'utf8'), /^TinyAI memory report\n/)
      const named = join(folder, 'report.json')
      const { stats } = await json([...args, '--context', '64', '--report', named])
      const report = JSON.parse(readFileSync(named, 'utf8'))
      const facts = report.owners.find((owner) => owner.kind === 'model')
      assert.equal(facts.currentBytes, stats.memory.currentBytes)
      assert.equal(facts.peakBytes, stats.memory.peakBytes)
      assert.deepEqual(facts.byPurpose, stats.memory.byPurpose)
      assert.equal(report.checklist.length, 10)
    })

    test('every mode gives the same tokens, and spends memory its own way', async () => {
      const args = ['run', model, prompt, ...greedy, '--context', '256', '--memory', '6MB']
      const seen = new Map()
      for (const mode of ['normal', 'memory-opt', 'streaming', 'adaptive']) {
        const { tokens, stats } = await json([...args, '--mode', mode])
        assert.equal(stats.engine.mode, mode)
        assert.equal(stats.memory.peakBytes, stats.memory.plannedPeakBytes)
        seen.set(mode, { run: `${stats.engine.logitsHash} ${tokens}`, stats })
      }
      assert.equal(new Set([...seen.values()].map(({ run }) => run)).size, 1)
      const pinned = (mode) => seen.get(mode).stats.blocks.filter((block) => block.pinned).length
      assert.ok(pinned('normal') > pinned('adaptive'))
      assert.equal(pinned('memory-opt') + pinned('streaming'), 0)
      const peak = (mode) => seen.get(mode).stats.memory.peakBytes
      assert.ok(peak('memory-opt') < peak('streaming'))
      assert.ok(peak('streaming') < peak('normal'))
    })

    test('reserves memory for a larger budget when told', async () => {
      const args = ['plan', model, '--memory', '3MB', '--context', '64', '--max-memory', '8MB']
      const plan = await json(args)
      assert.equal(plan.maxBudgetBytes, 8 << 20)
      assert.ok(plan.peakBytes <= 3 << 20)
      assert.ok(plan.reservedBytes > 4 << 20 && plan.reservedBytes <= 8 << 20)
      const small = await start(['run', model, prompt, '--memory', '3MB', '--max-memory', '2MB'])
      assert.equal(errorOf(small).code, 'E_ARGUMENT')
    })

    test('says the hash of all logits', async () => {
      const args = ['run', model, prompt, ...greedy]
      const { stats } = await json(args)
      const { stderr } = await ok([...args, '--logits-hash'])
      assert.ok(stderr.includes(`logits hash ${stats.engine.logitsHash}`), stderr)
    })

    test('draws the same text from the same seed', async () => {
      const args = ['run', model, prompt, '--max-tokens', '40', '--temperature', '1.2', '--seed']
      const texts = []
      for (const seed of ['1', '1', '2', '9007199254740991'])
        texts.push((await ok([...args, seed])).stdout)
      assert.equal(texts[0], texts[1])
      assert.equal(new Set(texts).size, 3)
    })

    test('draws another text each time without a seed, and says the seed', async () => {
      const args = ['run', model, prompt, '--max-tokens', '30', '--temperature', '1.2']
      const first = await json(args)
      const again = await json([...args, '--seed', `${first.stats.engine.seed}`])
      assert.equal(again.text, first.text)
    })

    test('ends before a stop string', async () => {
      const whole = await json(['run', model, prompt, ...greedy])
      const stop = whole.text.slice(20, 26)
      const end = whole.text.indexOf(stop)
      const { text } = await json(['run', model, prompt, ...greedy, '--stop', '@@', '--stop', stop])
      assert.equal(text, whole.text.slice(0, end))
    })
  })

  describe(`tinyai plan, inspect, perplexity (${host})`, () => {
    test('plan tells the smallest budget, which works; one byte less does not', async () => {
      const plan = await json(['plan', model, '--memory', '2MB'])
      assert.equal(plan.fits, true)
      assert.ok(plan.peakBytes <= plan.budgetBytes)
      assert.equal(plan.fileBytes, fileBytes.length)
      assert.equal(sum(Object.values(plan.byPurpose)) <= plan.peakBytes, true)
      const least = plan.minBudget
      const args = ['run', model, prompt, '--context', `${plan.contextLength}`, '--max-tokens', '2']
      const { stats } = await json([...args, '--memory', `${least}`])
      assert.ok(stats.memory.peakBytes <= least)
      const refused = await start([...args, '--memory', `${least - 1}`, '--json'])
      assert.equal(refused.code, 1)
      assert.equal(errorOf(refused).code, 'E_BUDGET')
      const { error } = JSON.parse(refused.stdout)
      assert.equal(error.askedBytes, least)
      assert.equal(error.allowedBytes, least - 1)
      assert.equal(error.missingBytes, 1)
      const context = ['--context', `${plan.contextLength}`]
      const short = await json(['plan', model, ...context, '--memory', `${least - 1}`])
      assert.equal(short.fits, false)
      assert.equal(short.missingBytes, 1)
    })

    test('plan is also for people', async () => {
      const { stdout } = await ok(['plan', model, '--memory', '2MB'])
      assert.match(stdout, /^plan: it fits\n {2}file +3750720 +3\.58 MB/)
      assert.match(
        (await ok(['plan', model, '--memory', '100KB'])).stdout,
        /^plan: it does NOT fit/,
      )
    })

    test('inspect shows every tensor where it lies', async () => {
      const header = await json(['inspect', model])
      const wanted = readGguf(new Uint8Array(fileBytes))
      assert.equal(header.tensors.length, wanted.tensors.length)
      assert.deepEqual(
        header.tensors.map((t) => t.name),
        wanted.tensors.map((t) => t.name),
      )
      for (const t of header.tensors) {
        assert.ok(t.offset >= header.dataOffset && t.offset + t.bytes <= header.fileBytes)
      }
      assert.equal(header.metadata['general.architecture'], 'llama')
      assert.equal(header.metadata['llama.block_count'], 5)
      assert.equal(header.metadata['tokenizer.ggml.add_bos_token'], true)
      assert.deepEqual(header.metadata['tokenizer.ggml.tokens'], {
        arrayOf: 'string',
        length: 2048,
      })
      const { stdout } = await ok(['inspect', model])
      assert.match(stdout, /token_embd\.weight +Q8_0 +rows +256 x 2048 +49984 +557056/)
    })

    test('perplexity of a text is the same from a file and from standard input', async () => {
      const text = readFileSync(join(vectors, 'heldout.txt')).subarray(0, 5000)
      const args = ['perplexity', model, '--kv', 'f32', '--context', '100']
      const fromFile = await json([...args, '--file', file('text', text)])
      const fromInput = await json([...args, '--memory', '2MB'], { input: text })
      assert.ok(fromFile.tokens > 1000 && fromFile.perplexity > 1.2 && fromFile.perplexity < 4)
      assert.equal(
        fromFile.perplexity.toFixed(6),
        Math.exp(fromFile.nll / fromFile.tokens).toFixed(6),
      )
      assert.equal(fromInput.nll, fromFile.nll)
      assert.equal(fromInput.tokens, fromFile.tokens)
    })
  })

  describe(`bad input (${host})`, () => {
    /** Each: exit code 1 (2 for an option out of range), and an error that mentions what is wrong. */
    const refused = (name, args, code, mention, options) =>
      test(name, async () => {
        const result = await start(typeof args === 'function' ? args() : args, options)
        assert.equal(result.code, code === 'E_ARGUMENT' ? 2 : 1, result.stderr)
        assert.equal(result.stdout, '')
        const error = errorOf(result)
        assert.equal(error.code, code, error.message)
        assert.match(error.message, mention)
      })
    const run = (path, ...options) => ['run', path, prompt, '--max-tokens', '1', ...options]

    refused('missing file', () => run(join(folder, 'missing.gguf')), 'E_NOT_FOUND', /no such file/)
    refused('folder', () => run(folder), 'E_IO', /is a folder/)
    refused('empty file', () => run(file('empty.gguf', '')), 'E_TRUNCATED', /empty/)
    refused('web page', () => run(file('page', '<!doctype html><html></html>')), 'E_FORMAT', /GGUF/)
    if (!readsUrls)
      refused('URL', run('https://example.org/model.gguf'), 'E_UNSUPPORTED', /files, not URLs/)
    for (const size of [4096, 12 * 4096, 13 * 4096, 200 * 4096, 915 * 4096]) {
      const cut = () => run(file('cut.gguf', fileBytes.subarray(0, size)))
      refused(`file cut after ${size} bytes`, cut, 'E_TRUNCATED', /byte|ends|incomplete|truncated/i)
    }
    refused('budget too small', run(model, '--memory', '200KB'), 'E_BUDGET', /\d/)
    refused('context too long', run(model, '--context', '1000000'), 'E_ARGUMENT', /512/)
    const long = 'one day '.repeat(600)
    refused('prompt longer than the context', ['run', model, long], 'E_CONTEXT', /context|prompt/)
    refused('the same from standard input', ['run', model], 'E_CONTEXT', /context|prompt/, {
      input: long,
    })
    const endless = 'x'.repeat(2 << 20)
    refused('prompt of 2 MB', ['run', model], 'E_CONTEXT', /context|prompt/, { input: endless })
    refused('temperature out of range', run(model, '--temperature', '1000'), 'E_ARGUMENT', /temp/i)
    if (otherKernels) {
      const other = run(model, '--kernels', otherKernels)
      refused(
        'kernels of another host',
        other,
        'E_UNSUPPORTED',
        /kernels .*: ask for auto or scalar/,
      )
    }
    refused('no text', ['perplexity', model], 'E_TEXT', /empty/, { input: '' })
    const missingText = () => ['perplexity', model, '--file', join(folder, 'no.txt')]
    refused('missing text', missingText, 'E_NOT_FOUND', /no such file/)

    test('report that cannot be written', async () => {
      const result = await start(run(model, '--report', '/nonexistent/folder/report'))
      assert.equal(result.code, 1)
      assert.equal(result.stdout, '')
      assert.match(result.stderr, /cannot write the report "\/nonexistent/)
    })

    test('with --json the error is JSON too', async () => {
      const { code, stdout } = await start(['plan', join(folder, 'missing'), '--json'])
      assert.equal(code, 1)
      assert.equal(JSON.parse(stdout).error.code, 'E_NOT_FOUND')
    })

    for (const [args, mention] of [
      [[], /tinyai run/],
      [['tell'], /unknown command tell/],
      [['run', '--unknown'], /unknown option --unknown/],
      [['plan', '--seed', '1'], /unknown option --seed/],
      [['run', '--memory'], /no value for --memory/],
      [['run', '--memory', 'much'], /--memory does not take "much"/],
      [['run', '--memory', '-1'], /--memory does not take "-1"/],
      [['run', '--memory', '1e9GB'], /--memory does not take/],
      [['run', '--max-tokens', '1.5'], /--max-tokens does not take/],
      [['run', '--max-tokens', '4294967296'], /--max-tokens does not take/],
      [['run', '--context', '0'], /--context does not take/],
      [['run', '--memory', '1e6'], /--memory does not take/],
      [['run', '--memory', '2TB'], /--memory does not take/],
      [['run', '--temperature', '0x1'], /--temperature does not take/],
      [['run', prompt], /name a model before it/],
      [['run', '--temperature', 'nan'], /--temperature does not take/],
      [['run', '--kernels', 'cuda'], /--kernels does not take/],
      [['run', '--stop', ''], /--stop does not take/],
      [['run', 'a', 'b', 'c'], /too many arguments: c/],
    ]) {
      test(`usage: ${args.join(' ') || 'nothing'}`, async () => {
        const result = await start(args)
        assert.equal(result.code, 2)
        assert.match(result.stdout + result.stderr, mention)
        assert.match(result.stdout + result.stderr, /--help/)
      })
    }

    test('help and version are no errors', async () => {
      assert.match((await ok(['--help'])).stdout, /tinyai run/)
      assert.match((await ok(['run', '--help'])).stdout, /--memory SIZE/)
      assert.match((await ok(['--version'])).stdout, /^tinyai \d+\.\d+\.\d+\n$/)
    })
  })
}

/** A model in a folder that others than its owner cannot look into. */
export function unreadableFolder(parent) {
  const secret = join(parent, 'secret')
  mkdirSync(secret)
  copyFileSync(join(root, model), join(secret, 'model.gguf'))
  chmodSync(secret, 0)
  return { path: join(secret, 'model.gguf'), release: () => chmodSync(secret, 0o700) }
}
