// The example at the top of tinyai.h, as it stands there; and each public header on its own.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { model, root } from '../conformance/command.mjs'

const include = join(root, 'include')
const compiler = process.env.TINYAI_CLANG ?? process.env.CC ?? 'cc'
const strict = ['-Wall', '-Wextra', '-Wundef', '-Werror', '-pedantic-errors', `-I${include}`]
const folder = mkdtempSync(join(tmpdir(), 'tinyai-header-'))
after(() => rmSync(folder, { recursive: true }))

/** The indented lines of the header's first comment: the example, and nothing else is indented. */
function example() {
  const header = readFileSync(join(include, 'tinyai/tinyai.h'), 'utf8')
  const comment = header.slice(0, header.indexOf('*/'))
  const lines = comment.split('\n').filter((line) => /^ \* {5}/.test(line))
  return lines.map((line) => line.slice(7)).join('\n')
}

test('the example at the top of tinyai.h compiles and tells a story', () => {
  const source = join(folder, 'example.c')
  const program = join(folder, 'example')
  writeFileSync(source, `${example()}\n`)
  assert.match(example(), /^#include <stdio\.h>.*int main\(/s)
  const library = join(root, 'build/native-release/libtinyai.a')
  execFileSync(compiler, ['-std=c11', ...strict, source, library, '-lm', '-pthread', '-o', program])
  const text = execFileSync(program, [join(root, model)], { encoding: 'utf8' })
  assert.match(text, /^[ ,].{60,}/s)
  assert.throws(() => execFileSync(program, ['missing.gguf']), { status: 1 })
  assert.throws(() => execFileSync(program), { status: 1 })
})

const headers = readdirSync(include, { recursive: true }).filter((name) => name.endsWith('.h'))
for (const header of headers) {
  for (const [language, standard] of [
    ['c', 'c11'],
    ['c++', 'c++17'],
  ]) {
    test(`${header} compiles alone as ${standard}`, () => {
      const source = join(folder, 'alone')
      writeFileSync(source, `#include "${header}"\n#include "${header}"\n`)
      execFileSync(compiler, [
        '-x',
        language,
        `-std=${standard}`,
        ...strict,
        '-fsyntax-only',
        source,
      ])
    })
  }
}
