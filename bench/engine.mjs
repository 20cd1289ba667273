#!/usr/bin/env node
// Measures this engine on one model in Node and prints one JSON line (see measure.mjs). The prompt is the beginning of a
// text, or the ids that are given.
//
//   node bench/engine.mjs '{"model": FILE, "load": {threads, kernels, …}, "counts": {prompt, generate, repeats, depth}}'
import { existsSync } from 'node:fs'
import { measureModel } from './measure.mjs'
import { promptOf } from './prompt.mjs'

const PACKAGE = new URL('../dist/index.js', import.meta.url)

try {
  if (process.argv.length !== 3) throw new Error('usage: engine.mjs JSON')
  if (!existsSync(PACKAGE)) throw new Error('the package is not built: run `npm run build`')
  const { model, load: options, counts, ids } = JSON.parse(process.argv[2])
  const { load } = await import(PACKAGE)
  const idsOf = async (loaded, count) => ids ?? (await promptOf(loaded, count)).ids
  console.log(JSON.stringify(await measureModel(load, model, options, counts, idsOf)))
} catch (error) {
  console.log(JSON.stringify({ error: error.message, code: error.code }))
  process.exitCode = 1
}
