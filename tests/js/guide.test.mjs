// The memory guide is the specification: each of its snippets compiles as it is printed, and does what the text
// around it says, natively under the sanitizers and as a WASI module.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { checklist, FRAMES, framesText, HANDLES, PENDING, READERS_OWN } from '../guide/frames.mjs'
import { extractSnippets, nameOf, programOf } from '../guide/snippets.mjs'
import { bundled, root } from './paths.mjs'

const run = promisify(execFile)
const clang = process.env.TINYAI_CLANG ?? 'clang'
const python = join(root, '.toolchain/venv/bin/python')
const guide = readFileSync(join(root, 'docs/tinyai-memory-guide.md'), 'utf8')
const snippets = extractSnippets(guide)
const ready = snippets.filter(({ section }) => !PENDING.includes(section))

const folder = mkdtempSync(join(tmpdir(), 'tinyai-guide-'))
after(() => rmSync(folder, { recursive: true }))
const common = ['-std=c11', '-Wall', '-Wextra', '-Werror', '-g']
const paths = [`-I${join(root, 'include')}`, `-I${join(root, 'tests/guide')}`]

const HOSTS = {
  native: {
    compiler: [
      '-fsanitize=address,undefined',
      '-fno-sanitize-recover=all',
      '-fno-omit-frame-pointer',
      '-DTHREADS=1',
    ],
    libraries: [join(root, 'build/native-debug/libtinyai.a'), '-lm', '-pthread'],
    start: (program) => run(program, [], { cwd: folder, timeout: 60000 }),
  },
  wasi: {
    compiler: [
      '--target=wasm32-wasi',
      ...(process.env.WASI_SYSROOT ? [`--sysroot=${process.env.WASI_SYSROOT}`] : []),
      '-DTHREADS=0',
      '-Wl,-z,stack-size=65536,--stack-first,--export=__heap_base',
    ],
    libraries: [join(root, 'build/wasi/libtinyai.a')],
    start(program) {
      const script = `
import sys
sys.path.insert(0, ${JSON.stringify(join(root, 'tools'))})
import wasi_run
code, memory = wasi_run.run(sys.argv[2:], module=sys.argv[1])
sys.stdout.flush()
sys.exit(code)`
      // wasi_run gives the module the folders of these: the model's, and its own to write to.
      const files = ['path/to/model.tmai', '--report', './report']
      return run(python, ['-c', script, program, ...files], { cwd: folder, timeout: 60000 })
    },
  },
}

describe("the guide's snippets", () => {
  test('there are 18, and the two that wait for compression are known', () => {
    assert.equal(snippets.length, 18)
    assert.deepEqual(
      snippets.filter(({ section }) => PENDING.includes(section)).map(({ name }) => name),
      PENDING.map((section) => `${section}/1`),
    )
    assert.deepEqual(
      ready.map(({ name }) => name),
      Object.keys(FRAMES),
    )
  })

  test("a frame declares only the reader's own names, each in one line", () => {
    const used = new Set()
    for (const [name, { lines = [] }] of Object.entries(FRAMES)) {
      for (const line of lines) {
        assert.ok(!line.includes('\n'))
        const declared = nameOf(line)
        assert.ok(READERS_OWN.includes(declared) || HANDLES.includes(declared), `${name}: ${line}`)
        used.add(declared)
        // A public call or a constant: every function in it is TinyAI's.
        const value = line.replace(/^#define \w+(\([^)]*\))?/, '')
        for (const [, called] of value.matchAll(/\b(\w+)\(/g)) assert.match(called, /^tinyai/, line)
      }
    }
    assert.deepEqual(
      READERS_OWN.filter((name) => !used.has(name)),
      [],
      'every name of the reader has a line',
    )
  })

  test('docs/memory.md shows exactly these lines', () => {
    const docs = readFileSync(join(root, 'docs/memory.md'), 'utf8')
    const shown = /<!-- frames -->\n([\s\S]*?)<!-- \/frames -->/.exec(docs)?.[1]
    assert.equal(shown, framesText())
  })
})

describe("programs of the guide's snippets", () => {
  before(async () => {
    mkdirSync(join(folder, 'path/to'), { recursive: true })
    const model = join(folder, 'path/to/model.tmai')
    await run(join(root, 'build/native-release/tinyai'), ['convert', bundled, model])
  })

  for (const [host, { compiler, libraries, start }] of Object.entries(HOSTS)) {
    for (const [index, snippet] of ready.entries()) {
      test(`${snippet.name} (${host})`, async () => {
        const frame = FRAMES[snippet.name]
        const program = `${host}-${index + 1}`
        const source = join(folder, `${program}.c`)
        writeFileSync(source, programOf(snippet, frame))
        const output = join(folder, program)
        await run(clang, [...common, ...paths, ...compiler, source, ...libraries, '-o', output])
        const { stdout } = await start(output)
        frame.files?.(folder, { stdout, program, items: checklist(guide) })
      })
    }
  }
})
