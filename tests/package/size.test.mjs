// What a page has to fetch. The limits are promises to users: raise none of them for want of an idea.
import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const dist = fileURLToPath(new URL('../../dist/', import.meta.url))
const KB = 1024
const MOST_WASM = 400 * KB
const MOST_JS = 60 * KB

/** Bytes of the bundle that has these entry points. */
function minified(...entries) {
  const { outputFiles } = buildSync({
    entryPoints: entries.map((entry) => join(dist, entry)),
    outdir: dist,
    write: false,
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    external: ['node:*'],
    logLevel: 'error',
  })
  return outputFiles.reduce((sum, { contents }) => sum + contents.length, 0)
}

const inKB = (bytes) => `${(bytes / KB).toFixed(1)} KB`

describe('sizes', () => {
  for (const name of readdirSync(dist).filter((file) => file.endsWith('.wasm')))
    test(`${name} has at most ${inKB(MOST_WASM)}`, (t) => {
      const bytes = statSync(join(dist, name)).size
      t.diagnostic(`${name}: ${inKB(bytes)}`)
      assert.ok(bytes <= MOST_WASM, `${bytes} bytes`)
    })

  test(`a page loads at most ${inKB(MOST_JS)} of JavaScript, minified`, (t) => {
    const page = minified('index.js', 'worker.js')
    t.diagnostic(
      `JavaScript: ${inKB(page)}; with the command ${inKB(minified('index.js', 'worker.js', 'cli.js'))}`,
    )
    assert.ok(page <= MOST_JS, `${page} bytes`)
  })
})
