// The demo's server: byte ranges as the package needs them, and nothing but the folders it was given.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { STRICT_CSP, serve } from '../../tools/serve.mjs'

const BYTES = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251))
let folder, server

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tinyai-serve-'))
  await writeFile(join(folder, 'model.gguf'), BYTES)
  await writeFile(join(folder, 'module.wasm'), '')
  await writeFile(join(folder, 'main.mjs'), '')
  await writeFile(join(folder, '.hidden'), '')
  server = await serve({ folders: { models: folder } })
})
after(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

const get = (path, headers = {}) => fetch(server.url + path, { headers, redirect: 'manual' })

test('a range is answered with 206, its bytes and where they lie', async () => {
  for (const [range, from, to] of [
    ['0-0', 0, 0],
    ['10-19', 10, 19],
    ['990-', 990, 999],
    ['-5', 995, 999],
    ['990-2000', 990, 999],
  ]) {
    const answer = await get('models/model.gguf', { Range: `bytes=${range}` })
    assert.equal(answer.status, 206, range)
    assert.equal(answer.headers.get('content-range'), `bytes ${from}-${to}/1000`, range)
    assert.equal(answer.headers.get('content-length'), String(to - from + 1), range)
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), BYTES.subarray(from, to + 1), range)
  }
})

test('a range outside the file is answered with 416 and the size', async () => {
  const answer = await get('models/model.gguf', { Range: 'bytes=1000-1001' })
  assert.equal(answer.status, 416)
  assert.equal(answer.headers.get('content-range'), 'bytes */1000')
})

test('a whole file says that ranges work, and has a validator', async () => {
  const answer = await get('models/model.gguf')
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('accept-ranges'), 'bytes')
  assert.ok(answer.headers.get('etag'))
  assert.equal((await answer.arrayBuffer()).byteLength, 1000)
  const again = await get('models/model.gguf', {
    'If-None-Match': answer.headers.get('etag'),
    'Cache-Control': 'max-age=0', // fetch would say no-cache, which asks for the whole file
  })
  assert.equal(again.status, 304)
})

test('MIME types are the ones that browsers insist on', async () => {
  const type = async (path) => (await get(path)).headers.get('content-type')
  assert.equal(await type('models/module.wasm'), 'application/wasm')
  assert.match(await type('models/main.mjs'), /^text\/javascript/)
  assert.equal(await type('models/model.gguf'), 'application/octet-stream')
})

test('only the given folders are served, and the root leads to the demo', async () => {
  const root = await get('')
  assert.equal(root.status, 302)
  assert.equal(root.headers.get('location'), 'web-demo/')
  for (const path of [
    'package.json',
    'tools/serve.mjs',
    'models/',
    'models/.hidden',
    'constructor/x',
  ])
    assert.ok([403, 404].includes((await get(path)).status), path)
})

test('paths that no browser would send do no harm', async () => {
  const { port } = new URL(server.url)
  for (const path of [
    '/models/../../etc/passwd',
    '/models/..%2f..%2fetc/passwd',
    '//',
    '/%zz',
    '/models/%00',
  ]) {
    const socket = createConnection(port, '127.0.0.1').setEncoding('latin1')
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    let text = ''
    socket.on('data', (more) => {
      text += more
    })
    await once(socket, 'end')
    assert.match(text, /^HTTP\/1\.1 40[034]/, path)
  }
  assert.equal((await get('models/model.gguf')).status, 200)
})

test('isolation, CORS and the policy are headers of every answer, refusals included', async () => {
  const strict = await serve({
    folders: { models: folder },
    isolate: true,
    cors: true,
    csp: STRICT_CSP,
  })
  try {
    for (const [path, range] of [
      ['models/model.gguf', 'bytes=0-9'],
      ['models/model.gguf', 'bytes=5000-'],
      ['models/missing', ''],
    ]) {
      const { headers } = await fetch(strict.url + path, { headers: range ? { Range: range } : {} })
      assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin')
      assert.equal(headers.get('cross-origin-embedder-policy'), 'require-corp')
      assert.equal(headers.get('access-control-allow-origin'), '*')
      assert.match(headers.get('access-control-expose-headers'), /Content-Range/)
      assert.equal(headers.get('content-security-policy'), STRICT_CSP)
    }
  } finally {
    await strict.close()
  }
  assert.equal((await get('models/model.gguf')).headers.get('cross-origin-opener-policy'), null)
})
