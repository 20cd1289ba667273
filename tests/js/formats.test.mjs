// The storyteller in every quantized format, each file made here out of the F16 one, against llama.cpp's perplexity of
// the same file. tests/vectors/formats/README.md tells how those were made.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { load } from '../../dist/index.js'
import { QUANTIZED_TYPES, requantized } from '../models/quantize.mjs'
import { root, storyteller, vectors } from './paths.mjs'

const golden = JSON.parse(readFileSync(join(root, 'tests/vectors/formats/formats.json'), 'utf8'))
const heldout = readFileSync(join(vectors, 'heldout.txt'), 'utf8')
const weights = new Uint8Array(readFileSync(storyteller('storyteller-f16.gguf')))

/** Perplexity of the whole text in windows, and of each story alone. */
async function perplexities(model) {
  const parts = { nll: 0, tokens: 0 }
  for (const story of heldout.split('\n\n\n')) {
    const { nll, tokens } = await model.perplexity(story)
    parts.nll += nll
    parts.tokens += tokens
  }
  return {
    windowed: await model.perplexity(heldout),
    per_story: { tokens: parts.tokens, perplexity: Math.exp(parts.nll / parts.tokens) },
  }
}

for (const type of QUANTIZED_TYPES) {
  test(`perplexity in ${type} is within 0.5 % of llama.cpp's`, async () => {
    const bytes = requantized(weights, type)
    const wanted = golden.formats[type]
    assert.equal(createHash('sha256').update(bytes).digest('hex'), wanted.sha256, 'the same file')
    const model = await load(bytes, { kv: 'f32', contextLength: golden.window })
    try {
      const got = await perplexities(model)
      for (const text of ['windowed', 'per_story']) {
        assert.equal(got[text].tokens, wanted[text].tokens)
        const error = got[text].perplexity / wanted[text].perplexity - 1
        assert.ok(Math.abs(error) <= 0.005, `${text}: off by ${(100 * error).toFixed(3)} %`)
      }
    } finally {
      await model.close()
    }
  })
}
