// Every malformed file of tests/models/malformed.mjs is refused with its code, in wasm and, under ASan and
// UBSan, by the native command; every unusual one is opened and computed with.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { load } from '../../dist/index.js'
import { makeModel } from '../models/make-model.mjs'
import { malformed, unusual } from '../models/malformed.mjs'
import { root } from './paths.mjs'

const folder = join(root, 'build/models/malformed')
const command = join(root, 'build/native-debug/tinyai')
let good

before(async () => {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'good.gguf')
  await makeModel(path, { shape: 'tiny', type: 'Q8_0' })
  good = new Uint8Array(readFileSync(path))
})

async function generateFrom(bytes) {
  const model = await load(bytes, { worker: false })
  const ids = []
  try {
    for await (const piece of model.generate('a', {
      maxTokens: 2,
      temperature: 0,
      ignoreEos: true,
    })) {
      ids.push(piece.id)
    }
  } finally {
    await model.close()
  }
  return ids
}

function runNative(name, bytes) {
  const path = join(folder, 'case.gguf')
  writeFileSync(path, bytes)
  const args = [
    'run',
    path,
    'a',
    '--max-tokens',
    '2',
    '--temperature',
    '0',
    '--ignore-eos',
    '--json',
  ]
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  assert.ok(!/runtime error|AddressSanitizer|LeakSanitizer/.test(stderr), `${name}: ${stderr}`)
  return { status, answer: JSON.parse(stdout) }
}

test('malformed files are refused with their code, in wasm', async () => {
  const wrong = []
  for (const { name, bytes, expect } of malformed(good)) {
    const got = await generateFrom(bytes).then(
      () => 'accepted',
      (error) => error.code ?? String(error),
    )
    if (got !== expect) wrong.push(`${name}: ${got}, not ${expect}`)
  }
  assert.deepEqual(wrong, [])
})

test('malformed files are refused with their code, natively under ASan and UBSan', () => {
  const wrong = []
  for (const { name, bytes, expect } of malformed(good)) {
    const { status, answer } = runNative(name, bytes)
    if (status !== 1 || answer.error?.code !== expect || !(answer.error.message.length > 20)) {
      wrong.push(`${name}: exit ${status}, ${JSON.stringify(answer.error)}, not ${expect}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('unusual files are opened and computed with, alike in wasm and natively', async () => {
  for (const { name, bytes } of unusual(good)) {
    const native = runNative(name, bytes)
    assert.equal(native.status, 0, `${name}: ${JSON.stringify(native.answer.error)}`)
    assert.deepEqual(await generateFrom(bytes), native.answer.tokens, name)
  }
})

test('a file cut at any 4 KB border is refused as truncated', async () => {
  const bytes = readFileSync(join(folder, 'good.gguf'))
  for (let size = 4096; size < bytes.length; size += 4096) {
    await assert.rejects(
      generateFrom(bytes.subarray(0, size)),
      { code: 'E_TRUNCATED' },
      `cut at ${size}`,
    )
  }
})
