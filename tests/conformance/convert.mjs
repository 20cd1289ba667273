// What `tinyai convert` must do on every host. `start(args, options)` resolves to {code, stdout, stderr}; files are
// made in `folder`, which the host can write to.
import assert from 'node:assert/strict'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bundled } from '../js/paths.mjs'

const errorOf = ({ stderr }) => /\((E_[A-Z_]+)\)\s*$/.exec(stderr)?.[1]

export function testConvert(host, start, folder) {
  const gguf = join(folder, 'model.gguf')
  const tmai = join(folder, 'model.tmai')
  const rows = join(folder, 'rows.tmai')
  const ok = async (args) => {
    const result = await start(['convert', ...args])
    assert.equal(result.code, 0, result.stderr)
    return result
  }
  const refused = async (args, code, pattern) => {
    const before = readdirSync(folder)
    const result = await start(['convert', ...args])
    assert.equal(errorOf(result), code, result.stderr)
    assert.equal(result.code, code === 'E_ARGUMENT' ? 2 : 1)
    assert.match(result.stderr, pattern)
    assert.deepEqual(readdirSync(folder), before, 'nothing is left behind')
    return result
  }

  describe(`tinyai convert (${host})`, () => {
    before(async () => {
      mkdirSync(folder, { recursive: true })
      copyFileSync(bundled, gguf)
      await ok([gguf, tmai])
      await ok([gguf, rows, '--layout', 'rows'])
    })
    after(() => rmSync(folder, { recursive: true, force: true }))

    test('there and back gives the same file', async () => {
      const back = join(folder, 'back.gguf')
      const { stdout } = await ok([tmai, back, '--json'])
      const { format, tensors, fileBytes, headerBytes, peakBytes } = JSON.parse(stdout)
      assert.deepEqual({ format, tensors }, { format: 'gguf', tensors: 47 })
      assert.equal(fileBytes, readFileSync(back).length)
      assert.ok(headerBytes < 60000 && peakBytes < 1400000)
      assert.deepEqual(readFileSync(back), readFileSync(gguf))
      await ok([rows, back])
      assert.deepEqual(readFileSync(back), readFileSync(gguf))
      assert.notDeepEqual(readFileSync(rows), readFileSync(tmai))
      rmSync(back)
    })

    test('the smallest memory is told, is enough, and gives the same file', async () => {
      const small = join(folder, 'small.tmai')
      const { stdout } = await refused(
        [gguf, small, '--memory', '1', '--json'],
        'E_BUDGET',
        /missing/,
      )
      const { askedBytes, allowedBytes, missingBytes } = JSON.parse(stdout).error
      assert.equal(allowedBytes, 1)
      assert.equal(missingBytes, askedBytes - 1)
      await refused([gguf, small, '--memory', `${askedBytes - 1}`], 'E_BUDGET', / 1 are missing/)
      const done = JSON.parse(
        (await ok([gguf, small, '--memory', `${askedBytes}`, '--json'])).stdout,
      )
      assert.ok(done.peakBytes <= askedBytes)
      assert.deepEqual(readFileSync(small), readFileSync(tmai))
      rmSync(small)
    })

    test('an existing file is replaced, and only by a whole one', async () => {
      const old = join(folder, 'old.tmai')
      copyFileSync(gguf, old)
      await ok([gguf, old])
      assert.deepEqual(readFileSync(old), readFileSync(tmai))
      const short = join(folder, 'short.gguf')
      copyFileSync(gguf, short)
      truncateSync(short, 2000000)
      await refused([short, old], 'E_TRUNCATED', /incomplete/)
      assert.deepEqual(readFileSync(old), readFileSync(tmai))
      rmSync(old)
      rmSync(short)
    })

    test('what cannot be: the input itself, a name of the other format, a folder, a missing file', async () => {
      const [x, y] = [join(folder, 'x.tmai'), join(folder, 'x.bin')]
      await refused([gguf, gguf], 'E_ARGUMENT', /name/)
      copyFileSync(gguf, y)
      await refused([y, y], 'E_ARGUMENT', /the output is the input/)
      rmSync(y)
      await refused([tmai, x], 'E_ARGUMENT', /ends in \.gguf/)
      mkdirSync(x)
      await refused([gguf, x], 'E_ARGUMENT', /not a regular file/)
      rmSync(x, { recursive: true })
      await refused([gguf, join(folder, 'missing/x.tmai')], 'E_NOT_FOUND', /.{20}/)
      await refused([join(folder, 'missing.gguf'), x], 'E_NOT_FOUND', /.{20}/)
      assert.ok(!existsSync(x))
    })

    test('a damaged piece is named, and nothing is left', async () => {
      const bytes = readFileSync(tmai)
      const bad = join(folder, 'bad.tmai')
      bytes[bytes.length - 1] ^= 1
      writeFileSync(bad, bytes)
      await refused(
        [bad, join(folder, 'bad.gguf')],
        'E_CORRUPT',
        /strip of the .* number \d+, the \d+ bytes at byte \d+, does not match its hash/,
      )
      rmSync(bad)
    })

    test('too few and too many arguments are usage errors', async () => {
      for (const args of [
        [],
        [gguf],
        [gguf, tmai, tmai],
        [gguf, tmai, '--context', '5'],
        [gguf, tmai, '--layout', 'columns'],
      ]) {
        const { code, stderr } = await start(['convert', ...args])
        assert.equal(code, 2)
        assert.match(stderr, /See tinyai convert --help/)
      }
    })

    test('inspect, plan and run take the file', async () => {
      const inspected = JSON.parse((await start(['inspect', tmai, '--json'])).stdout)
      assert.equal(inspected.format, 'TMAI')
      assert.equal(inspected.headerBytes % 4096, 0)
      const plain = JSON.parse((await start(['inspect', gguf, '--json'])).stdout)
      assert.deepEqual(inspected.metadata, plain.metadata)
      assert.deepEqual(
        inspected.tensors.map(({ name, type, shape }) => ({ name, type, shape })),
        plain.tensors.map(({ name, type, shape }) => ({ name, type, shape })),
      )
      for (const { type, layout } of inspected.tensors) {
        assert.equal(layout, type === 'F32' ? 'rows' : 'panels')
      }
      const inRows = JSON.parse((await start(['inspect', rows, '--json'])).stdout)
      assert.ok(inRows.tensors.every(({ layout }) => layout === 'rows'))
      const plan = JSON.parse((await start(['plan', tmai, '--json'])).stdout)
      assert.equal(plan.headerBytes, inspected.headerBytes)
      for (const memory of ['1900000', '12MB']) {
        const args = ['--memory', memory, '--context', '64', '--max-tokens', '5']
        const runs = []
        for (const file of [gguf, tmai, rows]) {
          const result = await start(['run', file, 'Once', '--temperature', '0', '--json', ...args])
          assert.equal(result.code, 0, result.stderr)
          runs.push(JSON.parse(result.stdout))
        }
        for (const run of runs) {
          assert.equal(run.stats.engine.logitsHash, runs[0].stats.engine.logitsHash)
          assert.deepEqual(run.tokens, runs[0].tokens)
        }
      }
    })
  })
}
