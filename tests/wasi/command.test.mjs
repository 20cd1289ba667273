// The command as a WASI module in wasmtime, through tools/wasi-run: the cases of all hosts, equality
// with the native command, and the size of its linear memory.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { greedy, model, prompt, root, testCommand } from '../conformance/command.mjs'

const launcher = join(root, 'tools/wasi-run')
const module = join(root, 'build/wasi/tinyai.wasm')

function start(args, { input = '', program = launcher, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, ...options })
    const result = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'])
      child[name].setEncoding('utf8').on('data', (text) => {
        result[name] += text
      })
    child.stdin.on('error', () => {}) // it may end before it has read everything
    child.stdin.end(input)
    child.on('error', reject)
    child.on('close', (code) => resolve({ ...result, code }))
  })
}

testCommand('wasi', start, { otherKernels: 'avx2' })

/** Exit code and bytes of linear memory after the command, from wasmtime's Python interface. */
async function memoryAfter(args, options) {
  const script = `
import sys
sys.path.insert(0, "tools")
import wasi_run
code, memory = wasi_run.run(sys.argv[1:])
sys.stdout.flush()
print(f"\\nMEMORY {code} {memory}", file=sys.stderr)`
  const python = join(root, '.toolchain/venv/bin/python')
  const result = await start(['-c', script, ...args], { program: python, ...options })
  const [, code, memory] = /MEMORY (\d+) (\d+)$/.exec(result.stderr.trim()) ?? []
  assert.equal(code, '0', result.stderr)
  return Number(memory)
}

const PAGE = 65536
const pages = (bytes) => Math.ceil(bytes / PAGE) * PAGE

describe('WASI module', () => {
  test('its memory is the budget in whole pages, or less', async () => {
    const plan = JSON.parse((await start(['plan', model, '--json'])).stdout)
    for (const budget of [plan.minBudget, 2000000, plan.residentBytes]) {
      const args = ['run', model, prompt, '--memory', `${budget}`, '--max-tokens', '8']
      const memory = await memoryAfter(args)
      assert.ok(memory <= pages(budget), `${memory} bytes at a budget of ${budget}`)
    }
  })

  test('perplexity of a long text stays in the same memory', async () => {
    const text = readFileSync(join(root, 'tests/vectors/storyteller/heldout.txt'))
    const args = ['perplexity', model, '--memory', '2000000']
    assert.ok((await memoryAfter(args, { input: text })) <= pages(2000000))
  })

  test('static data and stack stay below 128 KiB, without malloc of libc', async () => {
    const compiled = await WebAssembly.compile(readFileSync(module))
    const names = Buffer.concat(
      WebAssembly.Module.customSections(compiled, 'name').map((b) => Buffer.from(b)),
    ).toString('latin1')
    assert.ok(names.includes('tai_port_reserve'), 'the module has a name section')
    assert.ok(!/dlmalloc|dlfree|sbrk/.test(names), 'malloc of libc is linked')
    const imports = Object.fromEntries(
      WebAssembly.Module.imports(compiled).map(({ name }) => [name, () => 0]),
    )
    const { exports } = await WebAssembly.instantiate(compiled, { wasi_snapshot_preview1: imports })
    assert.ok(exports.__heap_base.value <= 131072, `${exports.__heap_base.value}`)
  })

  test('a file outside the given folders, and a URL: it says what to pass', async () => {
    const run = `import wasmtime, sys
sys.path.insert(0, "tools")
import wasi_run
wasi_run.folders = lambda arguments, environment: []
sys.exit(wasi_run.run(sys.argv[1:])[0])`
    const python = join(root, '.toolchain/venv/bin/python')
    const line = /wasmtime run --dir FOLDER build\/wasi\/tinyai\.wasm run FOLDER\/MODEL\.gguf/
    for (const args of [['run', model, 'x'], ['run'], ['run', 'https://example.org/m.gguf', 'x']]) {
      const result = await start(['-c', run, ...args], { program: python })
      assert.equal(result.code, 1)
      assert.match(result.stderr, line)
    }
  })

  test('arguments longer than the memory for them are an error', async () => {
    const result = await start(['run', model, 'x'.repeat(20000)])
    assert.equal(result.code, 1)
    assert.match(result.stderr, /standard input/)
  })

  test('paths work as they are spelled', async () => {
    const deep = { cwd: join(root, 'models') }
    for (const [path, options] of [
      [join(root, model), {}],
      [`./${model}`, {}],
      [`../${model}`, deep],
      ['storyteller/../storyteller/storyteller-q8_0.gguf', deep],
      ['storyteller-q8_0.gguf', { cwd: join(root, 'models/storyteller') }],
    ]) {
      const { code, stderr } = await start(['plan', path], options)
      assert.equal(code, 0, `${path}: ${stderr}`)
    }
    const report = [
      'run',
      `./${model}`,
      prompt,
      '--max-tokens',
      '1',
      '--report=./build/wasi/report',
    ]
    const { code, stderr } = await start(report)
    assert.equal(code, 0, stderr)
    assert.match(readFileSync(join(root, 'build/wasi/report'), 'utf8'), /^TinyAI memory report\n/)
  })
})

describe('native and WASI', () => {
  const native = join(root, 'build/native-release/tinyai')
  const both = async (args, input = '') => {
    const wasi = await start(args, { input })
    assert.equal(wasi.code, 0, wasi.stderr)
    const here = execFileSync(native, args, { cwd: root, input, encoding: 'utf8' })
    return [JSON.parse(wasi.stdout), JSON.parse(here)]
  }

  /** Without what depends on the size of a pointer: the index of the header while it is parsed. */
  const same = ({ openBytes, planningBytes, totalAllocatedBytes, ...rest }) => rest

  /** The native command would take all processors; WASI has one thread. */
  const alone = ['--json', '--threads', '1']

  for (const options of [
    ['--memory', '2MB', ...greedy],
    ['--kv', 'f16', '--kernels', 'scalar', '--max-tokens', '64', '--temperature', '0'],
    [
      '--temperature',
      '0.9',
      '--seed',
      '7',
      '--top-k',
      '20',
      '--min-p',
      '0.02',
      '--max-tokens',
      '64',
    ],
    ['--repeat-penalty', '1.3', '--seed', '3', '--top-p', '0.8', '--max-tokens', '64'],
  ]) {
    test(`the same tokens and logits: ${options.join(' ')}`, async () => {
      const [wasi, here] = await both(['run', model, prompt, ...alone, ...options])
      assert.deepEqual(wasi.tokens, here.tokens)
      assert.equal(wasi.text, here.text)
      assert.equal(wasi.stats.engine.logitsHash, here.stats.engine.logitsHash)
      assert.equal(wasi.stats.stream.bytesRead, here.stats.stream.bytesRead)
      assert.deepEqual(same(wasi.stats.memory), same(here.stats.memory))
    })
  }

  test('the same plan', async () => {
    const [wasi, here] = await both(['plan', model, ...alone, '--memory', '3MB'])
    assert.deepEqual(same(wasi), same(here))
  })

  test('the same perplexity', async () => {
    const text = readFileSync(join(root, 'tests/vectors/storyteller/heldout.txt'), 'utf8')
    const [wasi, here] = await both(['perplexity', model, '--json'], text.slice(0, 3000))
    assert.equal(wasi.nll, here.nll)
  })
})
