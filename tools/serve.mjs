#!/usr/bin/env node
import { existsSync } from 'node:fs'
// Serves the demo: web-demo/, dist/ and models/ of this checkout and nothing else, with byte ranges (the package
// reads models in pieces). `--help` tells the options; tests/browser uses serve() with folders of its own.
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import send from 'send'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const FOLDERS = {
  'web-demo': join(ROOT, 'web-demo'),
  dist: join(ROOT, 'dist'),
  models: join(ROOT, 'models'),
}

// The page needs nothing looser than this, except that a model may come from any server.
export const STRICT_CSP =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'"
const DEMO_CSP = `${STRICT_CSP}; connect-src 'self' http: https:`

function headersFor({ isolate, cors, csp }) {
  const headers = {
    'Cache-Control': 'no-cache', // a new build shows up at the next reload
    'Content-Security-Policy': csp,
    'X-Content-Type-Options': 'nosniff',
  }
  if (isolate) {
    headers['Cross-Origin-Opener-Policy'] = 'same-origin'
    headers['Cross-Origin-Embedder-Policy'] = 'require-corp'
  }
  if (cors) {
    headers['Access-Control-Allow-Origin'] = '*'
    headers['Access-Control-Allow-Headers'] = 'Range, If-Range, If-Match'
    headers['Access-Control-Expose-Headers'] = 'Accept-Ranges, Content-Range, ETag'
  }
  return headers
}

/**
 * Starts a server and resolves to {url, requests, close}. Options: port (0: any free one), host, folders
 * ({first part of the path: folder}), isolate (cross-origin isolation), cors (pages of other origins may
 * read), csp (the Content-Security-Policy). `requests` counts per path.
 */
export async function serve({
  port = 0,
  host = '127.0.0.1',
  folders = FOLDERS,
  isolate = false,
  cors = false,
  csp = DEMO_CSP,
} = {}) {
  const headers = headersFor({ isolate, cors, csp })
  const requests = new Map()

  const server = createServer((request, response) => {
    const [pathname] = request.url.split('?')
    requests.set(pathname, (requests.get(pathname) ?? 0) + 1)
    const answer = (status, more = {}) =>
      response
        .writeHead(status, { ...headers, 'Content-Type': 'text/plain', ...more })
        .end(status < 400 ? '' : `${status} ${pathname}\n`)

    if (request.method === 'OPTIONS') return answer(204)
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return answer(405, { Allow: 'GET, HEAD' })
    if (pathname === '/') return answer(302, { Location: 'web-demo/' })

    const [, name, rest] = /^\/([^/]+)(\/.*)?$/.exec(pathname) ?? []
    if (!Object.hasOwn(folders, name ?? '')) return answer(404)
    if (rest === undefined) return answer(301, { Location: `${name}/` })
    for (const [key, value] of Object.entries(headers)) response.setHeader(key, value)
    const options = {
      root: folders[name],
      dotfiles: 'deny',
      cacheControl: false,
      highWaterMark: 1 << 20, // models are read in pieces of this size: one read each, twice as fast
    }
    send(request, rest, options)
      .on('directory', () => answer(404))
      .on('error', (error) => {
        // send's own answer would drop our headers, and with them the status for pages of other origins
        const range = error.status === 416 && error.headers?.['Content-Range']
        answer(error.status ?? 500, range ? { 'Content-Range': range } : {})
      })
      .pipe(response)
  })

  await new Promise((resolve, reject) =>
    server.once('error', reject).listen(port, host, () => resolve()),
  )
  const name = host.includes(':') ? `[${host}]` : host
  return {
    url: `http://${name}:${server.address().port}/`,
    requests,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}

const USAGE = `usage: npm run demo -- [--port N] [--host NAME] [--isolate] [--cors]

  --port N      instead of 8080, or any free port if 8080 is taken
  --host NAME   instead of 127.0.0.1, which only this machine can reach
  --isolate     adds the COOP and COEP headers: SharedArrayBuffer becomes available to the page
  --cors        lets pages of other origins read the files
`

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        isolate: { type: 'boolean' },
        cors: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.port !== undefined && !(/^\d+$/.test(values.port) && Number(values.port) < 65536))
      throw new Error(`--port takes a number up to 65535, not '${values.port}'`)
    return values
  } catch (error) {
    process.stderr.write(`serve: ${error.message}\n${USAGE}`)
    process.exit(2)
  }
}

async function main() {
  const { port, help, ...options } = readArguments()
  if (help) return process.stdout.write(USAGE)
  if (!existsSync(join(FOLDERS.dist, 'index.js')))
    process.stderr.write('serve: dist/index.js is missing: `npm run build` makes it\n')
  const start = (wanted) => serve({ ...options, port: wanted })
  const server = await start(Number(port ?? 8080)).catch((error) => {
    if (error.code === 'EADDRINUSE' && port === undefined) return start(0)
    throw error
  })
  console.log(`TinyAI demo: ${server.url}   (Ctrl-C ends it)`)
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main().catch((error) => {
    process.stderr.write(`serve: ${error.message}\n`)
    process.exitCode = 1
  })
}
