// tinyai convert natively and in Node: the cases of all hosts, and what ends a conversion early.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { testConvert } from '../conformance/convert.mjs'
import { model135m } from './models.mjs'
import { bundled, command, root } from './paths.mjs'
import { serveFiles } from './server.mjs'
import { startProgram } from './start-program.mjs'

const native = join(root, 'build/native-release/tinyai')
const HOSTS = {
  native: (args, options) => startProgram(native, args, options),
  node: (args, options) => startProgram(process.execPath, [command, ...args], options),
}
const PROGRAMS = { native: [native], node: [process.execPath, command] }

for (const [host, start] of Object.entries(HOSTS)) {
  testConvert(host, start, join(root, `build/convert-${host}`))
}

test('native and Node make the same file, and Node reads a URL', async () => {
  const folder = join(root, 'build/convert-same')
  mkdirSync(folder, { recursive: true })
  const server = await serveFiles(join(root, 'models'))
  try {
    const [a, b] = [join(folder, 'a.tmai'), join(folder, 'b.tmai')]
    await HOSTS.native(['convert', bundled, a])
    const { code, stderr } = await HOSTS.node([
      'convert',
      `${server.url}storyteller/storyteller-q8_0.gguf`,
      b,
    ])
    assert.equal(code, 0, stderr)
    assert.deepEqual(readFileSync(b), readFileSync(a))
  } finally {
    await server.close()
    rmSync(folder, { recursive: true })
  }
})

for (const [host, program] of Object.entries(PROGRAMS)) {
  describe(`a conversion that is ended (${host})`, () => {
    const folder = join(root, `build/convert-end-${host}`)
    const input = model135m()
    before(() => mkdirSync(folder, { recursive: true }))
    after(() => rmSync(folder, { recursive: true, force: true }))

    /** Sends a signal `delay` ms after the unfinished file is there. Resolves to exit code, signal, whether it hit. */
    const interrupted = (signal, delay) =>
      new Promise((resolve, reject) => {
        const [path, ...args] = program
        const child = spawn(path, [...args, 'convert', input, join(folder, 'out.tmai')])
        let sent = false
        const timer = setInterval(() => {
          if (sent || !readdirSync(folder).some((entry) => entry.endsWith('.partial'))) return
          sent = true
          setTimeout(() => child.kill(signal), delay)
        }, 1)
        child.on('error', reject)
        child.on('close', (code, ended) => {
          clearInterval(timer)
          resolve({ code, ended, names: readdirSync(folder) })
        })
      })

    test('killed at many moments: never half a file under the final name', async () => {
      let killed = 0
      for (let delay = 0; delay < 60; delay += 6) {
        const { ended, names } = await interrupted('SIGKILL', delay)
        if (ended === 'SIGKILL') {
          killed++
          if (!names.includes('out.tmai')) assert.equal(names.length, 1)
        }
        if (names.includes('out.tmai')) {
          const check = await HOSTS.native([
            'convert',
            join(folder, 'out.tmai'),
            join(folder, 'b.gguf'),
          ])
          assert.equal(check.code, 0, check.stderr)
        }
        for (const name of names) rmSync(join(folder, name))
        rmSync(join(folder, 'b.gguf'), { force: true })
      }
      assert.ok(killed >= 3, `${killed} were killed in time`)
    })

    test('Ctrl-C leaves nothing', async () => {
      let hit = 0
      for (let delay = 0; delay < 30; delay += 10) {
        const { code, names } = await interrupted('SIGINT', delay)
        if (code === 130) {
          hit++
          assert.deepEqual(names, [])
        } else {
          assert.equal(code, 0) // it was quicker
          rmSync(join(folder, 'out.tmai'))
        }
      }
      assert.ok(hit > 0)
    })

    test('no room: a named error, and nothing is left', async () => {
      const args = ['-c', 'ulimit -f 20000; exec "$@"', 'bash', ...program]
      const result = await startProgram('bash', [
        ...args,
        'convert',
        input,
        join(folder, 'out.tmai'),
      ])
      assert.equal(result.code, 1, result.stderr)
      assert.match(result.stderr, /files here cannot be so large.* \(E_IO\)/)
      assert.deepEqual(readdirSync(folder), [])
    })
  })
}
