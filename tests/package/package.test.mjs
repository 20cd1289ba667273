// The package as users get it: packed, installed from the tarball into an empty folder, and run there.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
let folder
let installed

const run = (program, args, options = {}) =>
  execFileSync(program, args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  })

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'tinyai-package-'))
  // --ignore-scripts: dist/ is built already.
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: root })
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'user', private: true, type: 'module' }),
  )
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${tarball}`])
  installed = join(folder, 'node_modules/tinyai')
})
after(() => rmSync(folder, { recursive: true, force: true }))

/** The first block of JavaScript in the README. */
function readmeExample() {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const example = /```(?:js|javascript|mjs)\n([\s\S]*?)```/.exec(readme)?.[1]
  assert.ok(example?.includes("from 'tinyai'"), 'the README has an example')
  return example
}

describe('the package, installed into an empty folder', () => {
  test('runs the ten lines of the README', () => {
    const example = readmeExample()
    assert.ok(example.trim().split('\n').length <= 12, example)
    writeFileSync(join(folder, 'example.mjs'), example)
    // The example names the bundled model as it lies in the checkout.
    cpSync(join(installed, 'models'), join(folder, 'models'), { recursive: true })
    const text = run(process.execPath, ['example.mjs'])
    assert.ok(text.length > 40, text)
  })

  test('gives the command', () => {
    const command = join(folder, 'node_modules/.bin/tinyai')
    assert.match(run(command, ['--version']), /^tinyai \d/)
    const args = ['run', '--temperature', '0', '--max-tokens', '8', '--memory', '2MB']
    const text = run(command, args, { input: 'Once upon a time', stdio: 'pipe' })
    assert.ok(text.length > 10, text)
  })

  test('has no dependencies and runs nothing at installation', () => {
    const { dependencies, scripts } = JSON.parse(
      readFileSync(join(installed, 'package.json'), 'utf8'),
    )
    assert.deepEqual(dependencies ?? {}, {})
    for (const name of ['preinstall', 'install', 'postinstall'])
      assert.equal(scripts?.[name], undefined)
    assert.deepEqual(
      readdirSync(join(folder, 'node_modules')).filter((n) => !n.startsWith('.')),
      ['tinyai'],
    )
  })

  test('holds the program, its types, the bundled model, and little else', () => {
    const files = readdirSync(installed, { recursive: true }).filter((name) =>
      statSync(join(installed, name)).isFile(),
    )
    for (const needed of [
      'dist/index.js',
      'dist/index.d.ts',
      'dist/worker.js',
      'dist/cli.js',
      'dist/tinyai.wasm',
      'dist/tinyai-relaxed.wasm',
      'dist/tinyai-threads.wasm',
      'dist/tinyai-relaxed-threads.wasm',
      'dist/helper.js',
      'models/storyteller/storyteller-q8_0.gguf',
      'README.md',
      'LICENSE',
      'package.json',
    ])
      assert.ok(files.includes(needed), needed)
    const strange = files.filter(
      (name) =>
        !/^(dist\/[\w/-]+\.(js|d\.ts|wasm)|models\/storyteller\/.*|README\.md|LICENSE|package\.json)$/.test(
          name,
        ),
    )
    assert.deepEqual(strange, [])
    const bytes = files.reduce((sum, name) => sum + statSync(join(installed, name)).size, 0)
    assert.ok(bytes < 5.5 * 2 ** 20, `${bytes} bytes`)
  })

  test('names no module of Node where a browser would look', () => {
    const dist = join(installed, 'dist')
    const seen = new Set()
    const visit = (name) => {
      if (seen.has(name)) return
      seen.add(name)
      const text = readFileSync(join(dist, name), 'utf8')
      for (const [, from] of text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)) {
        assert.ok(from.startsWith('.'), `${name} imports ${from}`)
        visit(join(name, '..', from))
      }
    }
    visit('index.js')
    visit('worker.js')
    assert.ok(seen.size > 20)
  })
})
