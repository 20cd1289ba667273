#!/usr/bin/env node
// Writes formats.json: the storyteller in every quantized format, and what llama.cpp makes of the held-out text with it.
//
//   node tests/vectors/formats/make.mjs LLAMA_CPP
//
// LLAMA_CPP is a folder with lib/ and include/ as `npm run bench -- --peers` leaves it in build/bench/llama-…
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { QUANTIZED_TYPES, requantized } from '../../models/quantize.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const storyteller = join(here, '../storyteller')
const WINDOW = 512

if (process.argv.length !== 3) {
  console.error('usage: node tests/vectors/formats/make.mjs LLAMA_CPP')
  process.exit(2)
}
const llama = resolve(process.argv[2])
const lib = join(llama, 'lib')
const build = join(here, '../../../build/formats')
mkdirSync(build, { recursive: true })
const program = join(build, 'perplexity')
const libraries = readdirSync(lib).filter((name) =>
  /^lib(llama|ggml|ggml-base)(\.v[\d.]+)?\.(so|dylib)$/.test(name),
)
execFileSync('cc', [
  ...['-std=gnu11', '-O2', '-Wall', '-Wextra', '-o', program, join(here, 'perplexity.c')],
  ...['include', 'ggml/include'].map((folder) => `-I${join(llama, 'include', folder)}`),
  ...libraries.map((name) => join(lib, name)),
  ...['-lm', `-Wl,-rpath,${lib}`],
])

const result = (nll, tokens) => ({
  nll_sum: Number(nll.toFixed(4)),
  tokens,
  perplexity: Number(Math.exp(nll / tokens).toFixed(5)),
})

const weights = readFileSync(join(storyteller, 'storyteller-f16.gguf'))
const input = readFileSync(join(storyteller, 'heldout.txt'))
const { release } = JSON.parse(readFileSync(join(lib, '_nlcBuildMetadata.json'), 'utf8'))
  .buildOptions.llamaCpp
const golden = { reference: `llama.cpp ${release}, CPU, 1 thread`, window: WINDOW, formats: {} }
for (const type of QUANTIZED_TYPES) {
  const bytes = requantized(new Uint8Array(weights), type)
  const path = join(build, `storyteller-${type}.gguf`)
  writeFileSync(path, bytes)
  const printed = execFileSync(program, [lib, path, String(WINDOW)], { input, encoding: 'utf8' })
  const [wholeNll, wholeTokens, partsNll, partsTokens] = printed.split(' ').map(Number)
  golden.formats[type] = {
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    windowed: result(wholeNll, wholeTokens),
    per_story: result(partsNll, partsTokens),
  }
  console.log(
    type,
    golden.formats[type].windowed.perplexity,
    golden.formats[type].per_story.perplexity,
  )
}
writeFileSync(join(here, 'formats.json'), `${JSON.stringify(golden, null, 1)}\n`)
