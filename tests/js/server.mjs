// HTTP servers of this machine for the URL source: one that is right, and one that does what it is told.

import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { join, normalize } from 'node:path'

async function listen(handler) {
  const server = createServer(handler)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      }),
  }
}

/** First and last byte of a `bytes=a-b` header, clamped to the size; null if there is none. */
export function rangeOf(request, size) {
  const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
  return match && [Number(match[1]), Math.min(Number(match[2]), size - 1)]
}

/** Serves the files below a folder, with ranges. `requests` lists what was asked. */
export async function serveFiles(folder) {
  const requests = []
  const server = await listen((request, response) => {
    const path = join(folder, normalize(new URL(request.url, 'http://x').pathname))
    const { size, mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? {}
    requests.push({ method: request.method, url: request.url, headers: request.headers })
    if (size === undefined) {
      response.writeHead(404).end()
      return
    }
    const [start, end] = rangeOf(request, size)
    response.writeHead(206, {
      'Content-Range': `bytes ${start}-${end}/${size}`,
      'Content-Length': end - start + 1,
      ETag: `"${size}-${mtimeMs}"`,
    })
    createReadStream(path, { start, end }).pipe(response)
  })
  return { ...server, requests }
}

/**
 * Serves `bytes` as a well-behaved server would, except that `misbehave(request, response, index)`, which sees every
 * request first, may answer it and return true. `requests` lists the range headers.
 */
export async function serveBytes(bytes, misbehave = () => false) {
  const requests = []
  const server = await listen((request, response) => {
    requests.push(request.headers.range)
    if (misbehave(request, response, requests.length - 1)) return
    const [start, end] = rangeOf(request, bytes.length)
    response.writeHead(206, {
      'Content-Range': `bytes ${start}-${end}/${bytes.length}`,
      'Content-Length': end - start + 1,
      ETag: '"one"',
      'Last-Modified': 'Sun, 22 Nov 2026 00:00:00 GMT',
    })
    response.end(bytes.subarray(start, end + 1))
  })
  return { ...server, requests }
}
