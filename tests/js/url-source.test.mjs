// The URL source against a server that misbehaves: each fault is a named error that says where, or right bytes; never
// wrong bytes.
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { UrlSource } from '../../dist/sources/url.js'
import { Traffic } from '../../dist/traffic.js'
import { rangeOf, serveBytes } from './server.mjs'

const SIZE = 3_000_000 // more than the first request asks for
const BYTES = new Uint8Array(SIZE).map((_, i) => (i * 2654435761) >>> 24)
const never = new AbortController().signal

let server
afterEach(() => server?.close())

const open = async (misbehave, { bytes = BYTES, signal = never, traffic = new Traffic() } = {}) => {
  server = await serveBytes(bytes, misbehave)
  return await UrlSource.open(`${server.url}model.gguf`, traffic, signal)
}

/** Reads one range of a source. */
const read = async (source, offset, length, signal = never) => {
  const into = new Uint8Array(length)
  await source.read([{ offset, into }], signal)
  return into
}

/** A server that is right for the first request, and `later` for those after it. */
const after = (later) => (request, response, index) => {
  if (index === 0) return false
  later(request, response)
  return true
}

/** Answers a range rightly, except for what is given. */
function answer(request, response, { status = 206, headers = {}, body } = {}) {
  const [start, end] = rangeOf(request, SIZE)
  const bytes = body ?? BYTES.subarray(start, end + 1)
  const all = {
    'Content-Range': `bytes ${start}-${end}/${SIZE}`,
    'Content-Length': bytes.length,
    ETag: '"one"',
    ...headers,
  }
  response.writeHead(
    status,
    Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null)),
  )
  response.end(bytes)
}

const fails = (promise, code, pattern) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.name, 'TinyAIError', error.stack)
    assert.equal(error.code, code, error.message)
    assert.match(error.message, pattern)
    assert.ok(error.url.startsWith('http://127.0.0.1:'), 'the URL is told')
    assert.ok(error.message.includes(error.url), 'also in the message')
    assert.equal(typeof error.offset, 'number')
    return true
  })

describe('a URL source of a server that is right', () => {
  test('knows the size from the first range and reads any other', async () => {
    const source = await open()
    assert.equal(source.size, SIZE)
    assert.deepEqual(await read(source, 1_234_567, 100_000), BYTES.slice(1_234_567, 1_334_567))
    assert.deepEqual(await read(source, SIZE - 1, 1), BYTES.slice(-1))
  })

  test('asks with Range alone, inside the file, and reads the header once', async () => {
    const source = await open()
    assert.deepEqual(await read(source, 0, 1 << 20), BYTES.slice(0, 1 << 20))
    await read(source, SIZE - 10, 10)
    assert.deepEqual(server.requests, ['bytes=0-1048575', `bytes=${SIZE - 10}-${SIZE - 1}`])
  })

  test('reads a file that is shorter than the first request in one', async () => {
    const bytes = BYTES.slice(0, 1000)
    const source = await open(undefined, { bytes })
    assert.equal(source.size, 1000)
    assert.deepEqual(await read(source, 0, 1000), bytes)
    assert.equal(server.requests.length, 1)
  })

  test('reads near ranges with one request and puts each where it belongs', async () => {
    const source = await open()
    const parts = [
      { offset: 2_000_000, into: new Uint8Array(70_000) },
      { offset: 2_070_000, into: new Uint8Array(5) },
      { offset: 2_090_001, into: new Uint8Array(200_000) },
    ]
    await source.read(parts, never)
    for (const { offset, into } of parts) {
      assert.deepEqual(into, BYTES.slice(offset, offset + into.length))
    }
    assert.equal(server.requests.length, 2)
  })

  test('counts requests, bytes and the buffers it holds', async () => {
    const traffic = new Traffic()
    const source = await open(undefined, { traffic })
    assert.equal(traffic.jsBytes, 1 << 20)
    await read(source, 0, 1 << 20)
    await read(source, 2_000_000, 500_000)
    assert.equal(traffic.requests, 2)
    assert.equal(traffic.fetchedBytes, (1 << 20) + 500_000)
    assert.equal(traffic.jsBytes, 0)
    assert.ok(traffic.jsPeakBytes <= 2 << 20)
  })

  test('keeps the address that redirects led to', async () => {
    const paths = []
    const source = await open((request, response) => {
      paths.push(request.url)
      if (request.url !== '/model.gguf') return false
      response.writeHead(302, { Location: '/elsewhere.gguf' }).end()
      return true
    })
    await read(source, 2_000_000, 10)
    assert.deepEqual(paths, ['/model.gguf', '/elsewhere.gguf', '/elsewhere.gguf'])
  })

  test('a weak ETag that changes says nothing about the bytes', async () => {
    let version = 0
    const source = await open((request, response) => {
      answer(request, response, { headers: { ETag: `W/"${version++}"` } })
      return true
    })
    assert.deepEqual(await read(source, 2_000_000, 10), BYTES.slice(2_000_000, 2_000_010))
  })

  test('later answers without a readable Content-Range are checked by their length', async () => {
    const source = await open(
      after((...to) => answer(...to, { headers: { 'Content-Range': null } })),
    )
    assert.deepEqual(await read(source, 2_000_000, 10), BYTES.slice(2_000_000, 2_000_010))
  })

  test('200 is fine when the whole file is what was asked for', async () => {
    const bytes = BYTES.slice(0, 1000)
    const source = await open(
      (_request, response) => {
        response.writeHead(200, { 'Content-Length': 1000 }).end(bytes)
        return true
      },
      { bytes },
    )
    assert.deepEqual(await read(source, 0, 1000), bytes)
    assert.deepEqual(await read(source, 0, 1000), bytes)
  })
})

describe('a URL source tells what is wrong', () => {
  for (const [status, text] of [
    [404, 'Not Found'],
    [403, 'Forbidden'],
    [500, 'Internal Server Error'],
    [503, 'Service Unavailable'],
  ]) {
    test(`${status}`, async () => {
      const opening = open((_request, response) => {
        response.writeHead(status).end('no')
        return true
      })
      await fails(opening, 'E_HTTP', new RegExp(`${status} ${text}`))
    })
  }

  test('200 with the whole file, which is not downloaded', async () => {
    let sent = 0
    const opening = open((request, response) => {
      response.writeHead(200, { 'Content-Length': 64 << 20 })
      const part = Buffer.alloc(64 << 10)
      const more = () => {
        while (!response.destroyed && response.write(part)) sent += part.length
      }
      response.on('drain', more)
      request.on('close', () => response.destroy())
      more()
      return true
    })
    await fails(opening, 'E_HTTP', /ignores ranges/)
    assert.ok(sent < 16 << 20, `${sent} bytes were sent`)
  })

  test('200 to a later range', async () => {
    const source = await open(after((...to) => answer(...to, { status: 200 })))
    await fails(read(source, 2_000_000, 10), 'E_HTTP', /ignores ranges/)
  })

  test('an HTML page with 200', async () => {
    const opening = open((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html' })
      response.write('<!doctype html>')
      response.end()
      return true
    })
    await fails(opening, 'E_HTTP', /ignores ranges/)
  })

  test('a connection that is reset in the body', async () => {
    const source = await open(
      after((_request, response) => {
        response.writeHead(206, {
          'Content-Range': `bytes 2000000-2099999/${SIZE}`,
          'Content-Length': 100_000,
        })
        response.write(BYTES.subarray(2_000_000, 2_030_000), () => {
          setTimeout(() => response.destroy(), 20)
        })
      }),
    )
    await assert.rejects(read(source, 2_000_000, 100_000), (error) => {
      assert.equal(error.code, 'E_IO')
      assert.ok(error.offset >= 2_000_000 && error.offset <= 2_030_000, `${error.offset}`)
      return true
    })
  })

  test('a server that is not there', async () => {
    const { url, close } = await serveBytes(BYTES)
    await close()
    await fails(UrlSource.open(url, new Traffic(), never), 'E_IO', /cannot be reached/)
  })

  test('a body that is shorter than asked, and ends as if it were complete', async () => {
    const source = await open(
      after((request, response) => {
        const [start, end] = rangeOf(request, SIZE)
        response.writeHead(206, { 'Content-Range': `bytes ${start}-${end}/${SIZE}` })
        response.end(BYTES.subarray(start, end - 100)) // chunked: no length
      }),
    )
    await fails(read(source, 2_000_000, 100_000), 'E_IO', /99899 of 100000 bytes/)
  })

  test('a body that is longer than asked', async () => {
    const source = await open(
      after((request, response) => {
        const [start, end] = rangeOf(request, SIZE)
        response.writeHead(206, { 'Content-Range': `bytes ${start}-${end}/${SIZE}` })
        response.end(BYTES.subarray(start, end + 100))
      }),
    )
    await fails(read(source, 2_000_000, 100_000), 'E_HTTP', /more than the 100000 bytes/)
  })

  for (const [what, range] of [
    ['another start', `bytes 1999999-2099999/${SIZE}`],
    ['an earlier end', `bytes 2000000-2050000/${SIZE}`],
  ]) {
    test(`Content-Range with ${what}`, async () => {
      const source = await open(
        after((...to) => answer(...to, { headers: { 'Content-Range': range } })),
      )
      await fails(read(source, 2_000_000, 100_000), 'E_HTTP', /when asked for 2000000-2099999/)
    })
  }

  test('Content-Range with another size', async () => {
    const source = await open(
      after((...to) =>
        answer(...to, { headers: { 'Content-Range': `bytes 2000000-2000009/${SIZE + 1}` } }),
      ),
    )
    await fails(read(source, 2_000_000, 10), 'E_STALE', /3000000 bytes and now has 3000001/)
  })

  test('a size that is unknown', async () => {
    const unknown = (value) => (request, response) => {
      answer(request, response, { headers: { 'Content-Range': value } })
      return true
    }
    await fails(open(unknown('bytes 0-1048575/*')), 'E_SIZE', /size of the file/)
    await server.close()
    await fails(open(unknown(null)), 'E_SIZE', /Access-Control-Expose-Headers/)
  })

  test('a compressed answer', async () => {
    const headers = { 'Content-Encoding': 'gzip' }
    await fails(
      open((...to) => {
        answer(...to.slice(0, 2), { headers })
        return true
      }),
      'E_HTTP',
      /compressed.*gzip/,
    )
  })

  test('a multipart answer', async () => {
    const headers = { 'Content-Type': 'multipart/byteranges; boundary=x' }
    const source = await open(after((...to) => answer(...to, { headers })))
    await fails(read(source, 2_000_000, 10), 'E_HTTP', /multipart/)
  })

  test('416, and an empty file', async () => {
    const source = await open(after((_request, response) => response.writeHead(416).end()))
    await fails(read(source, 2_000_000, 10), 'E_HTTP', /416/)
    await server.close()
    const empty = open((_request, response) => {
      response.writeHead(416, { 'Content-Range': 'bytes */0' }).end()
      return true
    })
    await fails(empty, 'E_TRUNCATED', /empty/)
  })

  test('a file that changes: another strong ETag', async () => {
    const source = await open(after((...to) => answer(...to, { headers: { ETag: '"two"' } })))
    await fails(read(source, 2_000_000, 10), 'E_STALE', /changed on the server/)
  })

  test('a file that changes: another date, where there is no ETag', async () => {
    let day = 10
    const source = await open((request, response) => {
      const modified = `Sun, ${day++} Nov 2026 00:00:00 GMT`
      answer(request, response, { headers: { ETag: null, 'Last-Modified': modified } })
      return true
    })
    await fails(read(source, 2_000_000, 10), 'E_STALE', /changed on the server/)
  })
})

describe('aborting a URL source', () => {
  test('ends an opening', async () => {
    const controller = new AbortController()
    const opening = open(() => controller.abort() ?? true, { signal: controller.signal })
    await assert.rejects(opening, { name: 'AbortError' })
  })

  test('ends a read in its body, and the request with it', async () => {
    let closed
    const gone = new Promise((resolve) => {
      closed = resolve
    })
    const controller = new AbortController()
    const source = await open(
      after((request, response) => {
        request.on('close', closed)
        response.on('close', closed)
        response.writeHead(206, { 'Content-Range': `bytes 2000000-2099999/${SIZE}` })
        response.write(BYTES.subarray(0, 1000), () => controller.abort())
      }),
    )
    const reading = read(source, 2_000_000, 100_000, controller.signal)
    await assert.rejects(reading, { name: 'AbortError' })
    await gone
  })
})
