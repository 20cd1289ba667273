// TMAI files of all test models: the same tensors, the same logits, and damage that is found.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { inspect, load } from '../../dist/index.js'
import { joinGguf, readGguf } from '../models/gguf-reader.mjs'
import { tensorBytes } from '../models/gguf-writer.mjs'
import { modelBytes } from '../models/make-model.mjs'
import { unusual } from '../models/malformed.mjs'
import { bundled, root, vectors } from './paths.mjs'

const native = join(root, 'build/native-release/tinyai')
const folder = join(root, 'build/tmai')

function* models() {
  for (const shape of ['tiny', 'odd', 'mixed-blocks']) {
    yield [shape, modelBytes({ shape })]
    yield [`${shape} untied`, modelBytes({ shape, tied: false })]
  }
  for (const layout of [{ version: 2 }, { alignment: 4096 }, { gap: 2 }, { order: 'roles' }]) {
    yield [`tiny ${JSON.stringify(layout)}`, modelBytes({ shape: 'tiny', ...layout })]
  }
  for (const { name, bytes } of unusual(modelBytes({ shape: 'tiny', type: 'Q8_0' })))
    yield [name, bytes]
  yield [basename(bundled), new Uint8Array(readFileSync(bundled))]
  for (const name of readdirSync(vectors).filter((n) => n.endsWith('.gguf'))) {
    yield [name, new Uint8Array(readFileSync(join(vectors, name)))]
  }
}

function convert(bytes, from, to) {
  const [input, output] = [join(folder, `in.${from}`), join(folder, `out.${to}`)]
  writeFileSync(input, bytes)
  execFileSync(native, ['convert', input, output], { stdio: 'pipe' })
  return new Uint8Array(readFileSync(output))
}

/** Key-values, and tensors with their bytes, in order. */
function content(gguf) {
  const { kv, tensors, data } = readGguf(gguf)
  return {
    kv,
    tensors: tensors.map(({ name, dims, type, offset }) => {
      const bytes = data.subarray(offset, offset + tensorBytes(type, dims))
      return { name, dims, type, bytes: Buffer.from(bytes) }
    }),
  }
}

async function hashOf(bytes, options) {
  const model = await load(bytes, { worker: false, ...options })
  try {
    const settings = { maxTokens: 3, temperature: 0, ignoreEos: true }
    for await (const _ of model.generate('a', settings));
    return model.stats().engine.logitsHash
  } finally {
    await model.close()
  }
}

function nativeHash(bytes, name) {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  const args = [
    'run',
    path,
    'a',
    '--max-tokens',
    '3',
    '--temperature',
    '0',
    '--ignore-eos',
    '--json',
  ]
  return JSON.parse(execFileSync(native, args, { encoding: 'utf8', stdio: 'pipe' })).stats.engine
    .logitsHash
}

before(() => mkdirSync(folder, { recursive: true }))
after(() => rmSync(folder, { recursive: true, force: true }))

describe('a model as TMAI', () => {
  for (const [name, gguf] of models()) {
    test(`${name}: the same tensors there and back, the same logits in both`, async () => {
      const tmai = convert(gguf, 'gguf', 'tmai')
      const back = convert(tmai, 'tmai', 'gguf')
      assert.deepEqual(content(back), content(gguf))
      assert.deepEqual(convert(back, 'gguf', 'tmai').length, tmai.length)
      const hash = nativeHash(gguf, 'a.gguf')
      assert.equal(nativeHash(tmai, 'a.tmai'), hash)
      assert.equal(await hashOf(tmai), hash)
    })
  }
})

describe('a damaged TMAI file', () => {
  let tmai
  const u32 = (at) => new DataView(tmai.buffer).getUint32(at, true)
  const u64 = (at) => Number(new DataView(tmai.buffer).getBigUint64(at, true))
  before(() => {
    tmai = convert(modelBytes({ shape: 'tiny', tied: false }), 'gguf', 'tmai')
  })
  const codeOf = (promise) =>
    promise.then(
      () => 'accepted',
      (error) => error.code ?? `${error}`,
    )

  test('one byte flipped in any piece ends the run with E_CORRUPT, natively and in wasm', async () => {
    for (let i = 0; i < u32(20); i++) {
      const at = 64 + 32 * i
      const bad = tmai.slice()
      bad[u64(at) + (u64(at + 8) >> 1)] ^= 4
      assert.equal(await codeOf(hashOf(bad)), 'E_CORRUPT', `piece ${i}`)
      const path = join(folder, 'bad.tmai')
      writeFileSync(path, bad)
      const { status, stderr } = spawnSync(native, ['run', path, 'a', '--max-tokens', '2'], {
        encoding: 'utf8',
      })
      assert.equal(status, 1)
      assert.match(stderr, /\(E_CORRUPT\)/)
    }
  })

  test('bits of the header and cuts are refused in wasm', async () => {
    const header = u32(8)
    const wrong = []
    for (let at = 0; at < header; at += at < 64 ? 1 : 509) {
      const bad = tmai.slice()
      bad[at] ^= 1 << (at % 8)
      const flipped = await codeOf(inspect(bad, { worker: false }))
      if (!/^E_(CORRUPT|FORMAT|UNSUPPORTED|TRUNCATED)$/.test(flipped))
        wrong.push(`${at}: ${flipped}`)
      const cut = await codeOf(inspect(tmai.slice(0, at), { worker: false }))
      if (cut !== 'E_TRUNCATED') wrong.push(`cut ${at}: ${cut}`)
    }
    assert.deepEqual(wrong, [])
  })
})

/** As `od -A x -t x1z` prints it. */
function dump(bytes) {
  const lines = []
  let last = ''
  for (let at = 0; at < bytes.length; at += 16) {
    const part = [...bytes.subarray(at, at + 16)]
    const hex = part.map((b) => ` ${b.toString(16).padStart(2, '0')}`).join('')
    const text = part.map((b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : '.')).join('')
    const line = `${hex.padEnd(48)}  >${text}<`
    if (line !== last || at + 16 >= bytes.length)
      lines.push(`${at.toString(16).padStart(6, '0')}${line}`)
    else if (lines.at(-1) !== '*') lines.push('*')
    last = line
  }
  return [...lines, bytes.length.toString(16).padStart(6, '0')]
}

test('the example of docs/tmai.md is what the converter writes', () => {
  const data = new Uint8Array(64)
  new Float32Array(data.buffer, 0, 3).set([1, 2, 3])
  new Float32Array(data.buffer, 32, 2).set([4, 5])
  const tensors = [
    { name: 'blk.0.attn_norm.weight', dims: [3], type: 'F32', offset: 0 },
    { name: 'output_norm.weight', dims: [2], type: 'F32', offset: 32 },
  ]
  const gguf = joinGguf({ kv: [['general.name', 'string', 'tiny']], tensors, data })
  const text = readFileSync(join(root, 'docs/tmai.md'), 'utf8')
  const shown = text.split('\n').filter((line) => /^ {4}([0-9a-f]{6}|\*)( |$)/.test(line))
  const wanted = dump(convert(gguf, 'gguf', 'tmai'))
  assert.deepEqual(
    shown.map((line) => line.slice(4)),
    wanted,
  )
})
