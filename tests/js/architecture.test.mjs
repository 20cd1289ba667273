// The shape of the code: includes point one way (docs/architecture.md), kernels depend on nothing, and
// every public function is used by something that ships.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

// Folder -> the folders it may include. The public headers (tinyai/) may be included from anywhere.
const ALLOWED = {
  kernels: [],
  port: [],
  memory: ['port'],
  format: ['memory', 'port', 'kernels'],
  stream: ['format', 'memory', 'port'],
  schedule: ['stream', 'format', 'memory', 'port'],
  text: ['schedule', 'stream', 'format', 'memory', 'port', 'kernels'],
  model: ['text', 'schedule', 'stream', 'format', 'memory', 'port', 'kernels'],
  cli: ['text', 'format', 'memory', 'port'],
}

function files(folder, pattern) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
}

const read = (path) => readFileSync(path, 'utf8')

test('includes point one way', () => {
  const wrong = []
  const sources = files('src', /\.[ch]$/)
  assert.ok(sources.length > 40)
  for (const path of sources) {
    const from = relative(join(root, 'src'), path).split('/')[0]
    assert.ok(ALLOWED[from], `src/${from} has no rule`)
    for (const [, target] of read(path).matchAll(/^#include "([^"]+)"/gm)) {
      const to = target.includes('/') ? target.split('/')[0] : from
      if (
        to !== from &&
        to !== 'tinyai' &&
        !(from === 'kernels' && to === 'reference') &&
        !ALLOWED[from].includes(to)
      ) {
        wrong.push(`${relative(root, path)} includes ${target}`)
      }
    }
  }
  assert.deepEqual(wrong, [])
})

test('public headers include only public headers', () => {
  for (const path of files('include', /\.h$/)) {
    for (const [, target] of read(path).matchAll(/^#include "([^"]+)"/gm)) {
      assert.match(
        target,
        /^[a-z_]+\.h$|^utils\/[a-z_]+\.h$/,
        `${relative(root, path)} includes ${target}`,
      )
    }
  }
})

test('the engine allocates nothing and never gives up', () => {
  const wrong = []
  for (const path of files('src', /\.[ch]$/)) {
    const name = relative(root, path)
    if (name.startsWith('src/port/') || name.startsWith('src/cli/')) {
      continue
    }
    const code = read(path).replace(/\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\]|\\.)*"/g, '')
    for (const [call] of code.matchAll(/\b(malloc|calloc|realloc|free|abort|exit|assert)\s*\(/g)) {
      wrong.push(`${name}: ${call}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('every public function is used outside tests', () => {
  const names = new Set()
  for (const path of files('include', /\.h$/)) {
    const code = read(path).replace(/\/\*[\s\S]*?\*\//g, '')
    for (const [, name] of code.matchAll(/\b(tinyai_\w+|tinyai[A-Z]\w+)\s*\(/g)) {
      names.add(name)
    }
  }
  assert.ok(names.size > 20)
  const programs = ['src', 'wasm', 'examples'].flatMap((folder) => files(folder, /\.c$/))
  const uses = programs.map(read).join('\n')
  const headers = ['tinyai.h', 'raii.h'].map((name) => read(join(root, 'include/tinyai', name)))
  const guide = read(join(root, 'docs/tinyai-memory-guide.md'))
  const example = headers[0].split('*/')[0] + headers[1] + guide
  // A definition starts a line with its type; any other mention of the name is a use.
  const unused = [...names].filter((name) => {
    const definition = new RegExp(`^[a-zA-Z].*\\b${name}\\(`, 'gm')
    const mention = new RegExp(`\\b${name}\\(`, 'g')
    return !mention.test(uses.replace(definition, '') + example)
  })
  assert.deepEqual(unused, [])
})
