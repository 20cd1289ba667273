#!/usr/bin/env node
// Measures this engine on one model in Node and prints one JSON line (see measure.mjs). The prompt is the beginning of a
// text, or the ids that are given.
//
//   node bench/engine.mjs '{"model": FILE, "load": {threads, kernels, …}, "counts": {prompt, generate, repeats, depth}}'
import { existsSync, readFileSync } from 'node:fs'
import { measureModel } from './measure.mjs'

const PACKAGE = new URL('../dist/index.js', import.meta.url)
const TEXT = new URL('../tests/vectors/storyteller/heldout.txt', import.meta.url)

/** The shortest beginning of the text that is exactly `count` tokens, BOS included. */
async function idsOfText(model, count) {
  const text = readFileSync(TEXT, 'utf8')
  // A token is at least a byte, so half of that many characters cannot be too long already.
  for (let end = count >> 1; end <= text.length; end++) {
    const ids = await model.tokenize(text.slice(0, end))
    if (ids.length === count) return [...ids]
  }
  throw new Error(`no beginning of the text is ${count} tokens`)
}

try {
  if (process.argv.length !== 3) throw new Error('usage: engine.mjs JSON')
  if (!existsSync(PACKAGE)) throw new Error('the package is not built: run `npm run build`')
  const { model, load: options, counts, ids } = JSON.parse(process.argv[2])
  const { load } = await import(PACKAGE)
  const idsOf = ids ? () => ids : idsOfText
  console.log(JSON.stringify(await measureModel(load, model, options, counts, idsOf)))
} catch (error) {
  console.log(JSON.stringify({ error: error.message, code: error.code }))
  process.exitCode = 1
}
