// What `tinyai verify` must find on every host that has the C command. `start(args)` resolves to
// {code, stdout, stderr}; `convert` makes a TMAI file natively; files are made in `folder`.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bundled } from '../js/paths.mjs'
import { modelBytes } from '../models/make-model.mjs'

const KINDS = ['final', 'block', 'head', 'embedding']

/** {offset, bytes, kind, index} of each piece, as docs/tmai.md says. */
function piecesOf(tmai) {
  const view = new DataView(tmai.buffer, tmai.byteOffset)
  const u64 = (at) => Number(view.getBigUint64(at, true))
  return Array.from({ length: view.getUint32(20, true) }, (_, i) => {
    const at = 64 + 32 * i
    const kind = KINDS[view.getUint32(at + 24, true)]
    return { offset: u64(at), bytes: u64(at + 8), kind, index: view.getUint32(at + 28, true) }
  })
}

export function testVerify(host, start, folder, convert) {
  const gguf = join(folder, 'model.gguf')
  const tmai = join(folder, 'model.tmai')
  let pieces
  let largest

  before(() => {
    mkdirSync(folder, { recursive: true })
    writeFileSync(gguf, modelBytes({ shape: 'mixed-blocks', tied: false })) // layers of six sizes
    convert(gguf, tmai)
    pieces = piecesOf(readFileSync(tmai))
    largest = Math.max(...pieces.filter((p) => p.kind === 'block').map((p) => p.bytes))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const json = async (...args) => {
    const result = await start(['verify', ...args, '--json'])
    assert.equal(result.code, 0, result.stderr)
    return JSON.parse(result.stdout)
  }
  /** The error of a run that must fail. */
  const refused = async (...args) => {
    const { code, stdout, stderr } = await start(['verify', ...args, '--json'])
    assert.equal(code, 1, stderr)
    const { error } = JSON.parse(stdout)
    assert.ok(stderr.includes(error.message))
    return error
  }

  describe(`tinyai verify (${host})`, () => {
    test('a whole TMAI file: each part is compared, in three layers of memory', async () => {
      const { stdout, stderr, code } = await start(['verify', tmai])
      assert.equal(code, 0, stderr)
      assert.match(stdout, /^8 layers and \d+ other parts, [\d.]+ [KM]B: all hashes match\n$/)
      assert.match(stderr, /B\/s/)
      const found = await json(tmai)
      assert.equal(found.layers, 8)
      assert.equal(found.hashesCompared, pieces.length)
      assert.equal(found.layers + found.otherParts, pieces.length)
      assert.equal(
        found.bytes,
        pieces.reduce((sum, { bytes }) => sum + bytes, 0),
      )
      assert.ok(found.cacheBytes > 0 && found.cacheBytes <= 3 * (largest + 63))
    })

    test('GGUF: each layer is read, and it says that there are no hashes', async () => {
      const { stdout, code } = await start(['verify', gguf])
      assert.equal(code, 0)
      assert.match(stdout, /^GGUF has no hashes: 8 layers read, [\d.]+ [KM]B\n$/)
      const found = await json(gguf)
      assert.deepEqual([found.layers, found.otherParts, found.hashesCompared], [8, 0, 0])
      const layers = pieces.filter(({ kind }) => kind === 'block')
      const inPanels = layers.reduce((sum, { bytes }) => sum + bytes, 0)
      assert.ok(found.bytes * 1.06 >= inPanels - 8 * 9 * 63 && found.bytes <= inPanels)
      assert.equal((await json()).layers, 5) // the bundled model
      assert.equal((await json(bundled)).layers, 5)
    })

    test('one byte flipped in a layer, the norm, the head, the embedding: where it is', async () => {
      const whole = readFileSync(tmai)
      const bad = join(folder, 'bad.tmai')
      const last = (kind) => pieces.findLast((piece) => piece.kind === kind)
      const damaged = [pieces.find((p) => p.kind === 'block'), ...KINDS.map(last)]
      assert.ok(damaged.every(Boolean))
      for (const { offset, bytes, kind, index } of damaged) {
        for (const at of [offset, offset + bytes - 1]) {
          const flipped = Buffer.from(whole)
          flipped[at] ^= 1
          writeFileSync(bad, flipped)
          const error = await refused(bad)
          assert.equal(error.code, 'E_CORRUPT')
          assert.equal(error.offset, offset, `${kind} ${index}`)
          assert.match(error.message, /does not match its hash/)
        }
      }
    })

    test('a header that was changed, and a file that was cut', async () => {
      const bad = join(folder, 'bad.tmai')
      const flipped = readFileSync(tmai)
      flipped[100] ^= 1
      writeFileSync(bad, flipped)
      assert.equal((await refused(bad)).code, 'E_CORRUPT')
      writeFileSync(bad, readFileSync(tmai).subarray(0, statSync(tmai).size - 1))
      assert.equal((await refused(bad)).code, 'E_TRUNCATED')
    })

    test('--memory: one layer is enough, one byte less is told', async () => {
      for (const file of [tmai, gguf]) {
        const error = await refused(file, '--memory', '1')
        assert.equal(error.code, 'E_BUDGET')
        assert.equal(error.allowedBytes, 1)
        assert.equal(error.missingBytes, error.askedBytes - 1)
        const least = error.askedBytes
        assert.equal((await refused(file, '--memory', `${least - 1}`)).missingBytes, 1)
        const found = await json(file, '--memory', `${least}`)
        assert.equal(found.layers, 8)
        assert.ok(found.cacheBytes > 0 && found.cacheBytes <= least)
      }
    })
  })
}
