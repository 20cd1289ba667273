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

/** Bytes that these files load at once: what is imported only when it is asked for has to be named. */
function minified(...entries) {
  const { metafile } = buildSync({
    entryPoints: entries.map((entry) => join(dist, entry)),
    outdir: dist,
    write: false,
    metafile: true,
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    external: ['node:*'],
    logLevel: 'error',
  })
  const loaded = new Set()
  const load = (name) => {
    if (loaded.has(name)) return
    loaded.add(name)
    for (const { path, kind } of metafile.outputs[name].imports)
      if (kind === 'import-statement') load(path)
  }
  for (const [name, { entryPoint }] of Object.entries(metafile.outputs))
    if (entries.some((entry) => entryPoint?.endsWith(`dist/${entry}`))) load(name)
  return [...loaded].reduce((sum, name) => sum + metafile.outputs[name].bytes, 0)
}

const inKB = (bytes) => `${(bytes / KB).toFixed(1)} KB`

describe('sizes', () => {
  for (const name of readdirSync(dist).filter((file) => file.endsWith('.wasm')))
    test(`${name} has at most ${inKB(MOST_WASM)}`, (t) => {
      const bytes = statSync(join(dist, name)).size
      t.diagnostic(`${name}: ${inKB(bytes)}`)
      assert.ok(bytes <= MOST_WASM, `${bytes} bytes`)
    })

  test(`a page that runs a model from a URL loads at most ${inKB(MOST_JS)} of JavaScript, minified`, (t) => {
    const page = minified('index.js', 'worker.js', 'helper.js', 'sources/url.js')
    t.diagnostic(
      `JavaScript: ${inKB(page)}; with models in the page itself, and inspect ${inKB(minified('index.js', 'worker.js', 'helper.js', 'sources/url.js', 'host.js', 'inspector.js'))}`,
    )
    assert.ok(page <= MOST_JS, `${page} bytes`)
  })
})
