// What bundlers make of the package. Vite makes classic scripts of workers where it is not told otherwise, so they must do
// without what only modules have.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const dist = fileURLToPath(new URL('../../dist/', import.meta.url))

for (const name of ['worker.js', 'helper.js'])
  test(`${name} can be a classic script`, () => {
    const { errors, outputFiles } = buildSync({
      entryPoints: [join(dist, name)],
      write: false,
      bundle: true,
      format: 'iife',
      platform: 'browser',
      logLevel: 'silent',
      logOverride: { 'empty-import-meta': 'silent' }, // bundlers give worker files their names themselves
    })
    assert.deepEqual(errors, [])
    assert.equal(outputFiles.length, 1)
    assert.doesNotMatch(outputFiles[0].text, /^\s*(import|export)\b/m)
  })
