// Files, Blobs, bytes and sources of the caller's own: what each does with bad input, and when it changes in use.
import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openAsBlob,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { load, plan } from '../../dist/index.js'
import { bundled } from './paths.mjs'

const file = readFileSync(bundled)
const STREAMING = { contextLength: 128, memoryBudget: 2_000_000 }
const GREEDY = { temperature: 0, maxTokens: 12, ignoreEos: true }

let folder
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'tinyai-sources-'))
})
after(() => rmSync(folder, { recursive: true, force: true }))

/** A copy of the bundled model. */
function copy(name) {
  const path = join(folder, name)
  copyFileSync(bundled, path)
  utimesSync(path, 1, 1) // long ago, so that any change shows
  return path
}

async function idsOf(source, options = STREAMING) {
  const model = await load(source, options)
  try {
    const ids = []
    for await (const { id } of model.generate('Once upon a time', GREEDY)) ids.push(id)
    return ids
  } finally {
    await model.close()
  }
}

const own = (bytes, more = {}) => ({
  size: bytes.length,
  identity: 'own',
  read: async (offset, length) => bytes.subarray(offset, offset + length),
  ...more,
})

for (const worker of [true, false]) {
  const options = { ...STREAMING, worker }
  const where = worker ? 'in a worker' : 'in this thread'

  test(`all kinds of source give the same ids (${where})`, async () => {
    const wanted = await idsOf(bundled)
    assert.equal(wanted.length, 12)
    const shared = new Uint8Array(new SharedArrayBuffer(file.length))
    shared.set(file)
    const offset = new Uint8Array(file.length + 3)
    offset.set(file, 3)
    const readInto = async (at, into) => into.set(file.subarray(at, at + into.length))
    for (const [name, source] of Object.entries({
      'file URL': pathToFileURL(bundled),
      'file URL as text': pathToFileURL(bundled).href,
      Buffer: file,
      Uint8Array: new Uint8Array(file),
      'part of an array': offset.subarray(3),
      'shared bytes': shared,
      Blob: new Blob([file]),
      File: new File([file], 'model.gguf'),
      'Blob of a file': await openAsBlob(bundled),
      'own source': own(file),
      'own source with readInto': own(file, { readInto }),
    })) {
      assert.deepEqual(await idsOf(source, options), wanted, name)
    }
    assert.equal(file.length, 3750720, 'the bytes of the caller are not taken away')
  })

  describe(`a source fails with a reason (${where})`, () => {
    const fails = (name, source, code, pattern) =>
      test(name, async () => {
        const given = await source()
        await assert.rejects(idsOf(given, options), (error) => {
          assert.equal(error.name, 'TinyAIError', error.stack)
          assert.equal(error.code, code, error.message)
          assert.match(error.message, pattern)
          return true
        })
      })

    fails(
      'missing file',
      () => join(folder, 'none.gguf'),
      'E_NOT_FOUND',
      /none\.gguf: there is no such file/,
    )
    fails(
      'missing file URL',
      () => pathToFileURL(join(folder, 'none')),
      'E_NOT_FOUND',
      /none: there is/,
    )
    fails('folder', () => folder, 'E_IO', /is a folder; pass the path of a \.gguf or \.tmai file/)
    fails('device', () => '/dev/null', 'E_IO', /not a regular file/)
    for (const [name, kind] of Object.entries({
      bytes: (bytes) => bytes,
      Blob: (bytes) => new Blob([bytes]),
      own,
      file: (bytes) => {
        const path = join(folder, `${bytes.length}.gguf`)
        writeFileSync(path, bytes)
        return path
      },
    })) {
      fails(`${name}: empty`, () => kind(new Uint8Array()), 'E_TRUNCATED', /the file is empty/)
      fails(
        `${name}: no GGUF`,
        () => kind(new TextEncoder().encode('<!doctype html>'.repeat(9))),
        'E_FORMAT',
        /GGUF/,
      )
      fails(
        `${name}: cut in the header`,
        () => kind(file.subarray(0, 8192)),
        'E_TRUNCATED',
        /8192|ends|incomplete/,
      )
      fails(
        `${name}: cut in the weights`,
        () => kind(file.subarray(0, 1 << 20)),
        'E_TRUNCATED',
        /1048576|ends|incomplete/,
      )
    }
    fails(
      'own: too few bytes',
      () => own(file, { read: async (offset) => file.subarray(offset, offset + 5) }),
      'E_IO',
      /gave 5 bytes instead of a Uint8Array of/,
    )
    fails(
      'own: no bytes',
      () => own(file, { read: async () => 'x' }),
      'E_IO',
      /gave string instead/,
    )
    const broken = async () => {
      throw new Error('cable out')
    }
    fails(
      'own: rejects',
      () => own(file, { read: broken }),
      'E_IO',
      /reading at byte 0 failed: cable out/,
    )
    fails(
      'own: rejects in the middle',
      () =>
        own(file, {
          read: async (...range) =>
            range[0] > 2_000_000 ? await broken() : file.subarray(range[0], range[0] + range[1]),
        }),
      'E_IO',
      /reading at byte \d{7} failed: cable out/,
    )
    fails(
      'own: its identity changes',
      () => {
        let version = 0
        return {
          ...own(file),
          get identity() {
            return `${Math.floor(version++ / 9)}`
          },
        }
      },
      'E_STALE',
      /identity changed/,
    )
  })

  describe(`a file that changes in use (${where})`, () => {
    const changes = (name, change, code = 'E_STALE') =>
      test(name, async () => {
        const path = copy(`${name.replaceAll(' ', '-')}-${worker}.gguf`)
        const model = await load(path, options)
        for await (const _ of model.generate('Once', { ...GREEDY, maxTokens: 2 }));
        change(path)
        const again = async () => {
          for await (const _ of model.generate('Once', GREEDY));
        }
        if (code) await assert.rejects(again(), { code, message: /changed while it was in use/ })
        else await again()
        await model.close()
      })

    changes('is appended to', (path) => appendFileSync(path, 'x'))
    changes('is written again', (path) => writeFileSync(path, file))
    changes('is cut', (path) => truncateSync(path, 1 << 20))
    changes('is touched', (path) => utimesSync(path, 5, 5))
    // What is open stays as it is.
    changes(
      'is replaced by another of the same name',
      (path) => renameSync(copy('other'), path),
      null,
    )
    changes('is removed', (path) => rmSync(path), null)
  })
}

test('a Blob of a file that was changed says so', async () => {
  const path = copy('blob.gguf')
  const blob = await openAsBlob(path)
  const model = await load(blob, STREAMING)
  appendFileSync(path, 'x')
  await assert.rejects(model.generate('Once', GREEDY).next(), {
    code: 'E_STALE',
    message: /choose it again/,
  })
  await model.close()
})

test('a folder that may not be looked into', async () => {
  const secret = join(folder, 'secret')
  mkdirSync(secret)
  copyFileSync(bundled, join(secret, 'model.gguf'))
  const { chmodSync } = await import('node:fs')
  chmodSync(secret, 0)
  const { execFileSync } = await import('node:child_process')
  const script = `
    import { plan } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}
    if (process.getuid() === 0) process.setuid(65534) // root may look into anything
    const error = await plan(${JSON.stringify(join(secret, 'model.gguf'))}, { worker: false }).catch((error) => error)
    console.log(error.code, error.message)`
  try {
    const text = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    })
    assert.match(text, /^E_NOT_FOUND .*no permission to read it/)
  } finally {
    chmodSync(secret, 0o700)
  }
})

test('planning reads the header, no byte of it twice and none behind it', async () => {
  const { model135m } = await import('./models.mjs')
  const big = readFileSync(model135m())
  const reads = []
  const source = own(big, {
    read: async (offset, length) => {
      reads.push([offset, length])
      return big.subarray(offset, offset + length)
    },
  })
  const { headerBytes } = await plan(source, { contextLength: 64 })
  assert.ok(headerBytes > 1 << 20)
  const total = reads.reduce((sum, [, length]) => sum + length, 0)
  assert.equal(total, headerBytes)
  let end = 0
  for (const [offset, length] of reads) {
    assert.equal(offset, end)
    end += length
  }
})
