// The programs of examples/memory: each causes one of the guide's common issues, and the report names it; docs/memory.md
// quotes what they print. With `fixed` the issue is gone.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { bundled, root } from './paths.mjs'

const clang = process.env.TINYAI_CLANG ?? 'clang'
const folder = mkdtempSync(join(tmpdir(), 'tinyai-examples-'))
after(() => rmSync(folder, { recursive: true }))
const docs = readFileSync(join(root, 'docs/memory.md'), 'utf8')

const run = (program, args) =>
  execFileSync(program, args, { cwd: folder, encoding: 'utf8', timeout: 60000, stdio: 'pipe' })

/** By program: the guide's name of the issue, arguments behind the report's name. */
const EXAMPLES = {
  leak: { issue: 'Memory leaks' },
  fragmentation: { issue: 'Fragmentation' },
  out_of_memory: { issue: 'Out-of-memory errors' },
  slow: { issue: 'Poor performance', args: [bundled] },
}

/** Programs that show how, not what goes wrong: arguments, and what they say. */
const PATTERNS = {
  strategies: {
    args: ['report.txt'],
    says: /^log of 200 bytes; scratch: at most \d+, now 0 bytes; sessions: at most 1 of 8\n$/,
  },
  layers: {
    args: [bundled],
    says: /^scheduled: 5 layers to [0-9a-f]{8}; outputs take 3072 bytes, not 5120; .*\nby hand: .* 8 dropped in between\n$/,
  },
}

/** Builds it as it is named in the checkout: the report shows the names of call sites. */
function build(name) {
  const source = `examples/memory/${name}.c`
  const library = 'build/native-release/libtinyai.a'
  const flags = ['-std=c11', '-Wall', '-Wextra', '-Werror', '-Iinclude']
  const program = join(folder, name)
  const args = [...flags, source, library, '-lm', '-pthread', '-o', program]
  execFileSync(clang, args, { cwd: root, stdio: 'pipe' })
  return program
}

/** Standard output, and the report in both forms. */
function outputOf(program, args) {
  const printed = run(program, ['report.txt', ...args])
  run(program, ['report.json', ...args])
  const read = (name) => readFileSync(join(folder, name), 'utf8')
  return { text: printed + read('report.txt'), report: JSON.parse(read('report.json')) }
}

/** The issues that a report found, in the guide's words. */
const found = ({ issues }) =>
  issues.filter(({ state }) => state === 'found').map(({ item }) => item)

describe('the examples of docs/memory.md', () => {
  test('are all there are', () => {
    assert.deepEqual(
      readdirSync(join(root, 'examples/memory')).sort(),
      Object.keys({ ...EXAMPLES, ...PATTERNS })
        .map((name) => `${name}.c`)
        .sort(),
    )
  })

  for (const [name, { issue, args: more = [] }] of Object.entries(EXAMPLES)) {
    const program = join(folder, name)

    test(`${name}: the report names it, as the docs quote it`, () => {
      build(name)
      const { text, report } = outputOf(program, more)
      assert.deepEqual(found(report), [issue])
      const quoted = new RegExp(`<!-- output of ${name} -->\n\`\`\`text\n([\\s\\S]*?)\`\`\``).exec(
        docs,
      )[1]
      const lines = quoted
        .split('\n')
        .filter((line) => line !== '' && line !== '…' && !line.startsWith('$ '))
      assert.ok(lines.length >= 3, 'the docs quote it')
      let from = 0 // in this order
      for (const line of lines) {
        const at = text.split('\n').indexOf(line, from)
        assert.ok(at >= from, `not in the output: ${line}\n${text}`)
        from = at + 1
      }
    })

    test(`${name} fixed: nothing is found`, () => {
      assert.deepEqual(found(outputOf(program, [...more, 'fixed']).report), [])
    })
  }

  for (const [name, { args, says }] of Object.entries(PATTERNS))
    test(`${name}: does what it says`, () => {
      assert.match(run(build(name), args), says)
    })
})
