// Against llama.cpp: golden.json holds what it gives for the storyteller, with KV F32 and a context of 512.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { load } from '../../dist/index.js'
import { storyteller, vectors } from './paths.mjs'

const golden = JSON.parse(readFileSync(join(vectors, 'golden.json'), 'utf8'))
const heldout = readFileSync(join(vectors, 'heldout.txt'), 'utf8')
const OPTIONS = { kv: 'f32', contextLength: 512 }
/** Where the reference's two best logits lie this close, either is right. */
const GREEDY_MARGIN = 0.05
const TOP1_MARGIN = 0.1
const END_TOKENS = [2, 5]

const greedy = { temperature: 0, maxTokens: 64 }

async function withModel(name, use) {
  const model = await load(storyteller(name), OPTIONS)
  try {
    return await use(model)
  } finally {
    await model.close()
  }
}

async function idsOf(pieces) {
  const ids = []
  for await (const { id } of pieces) ids.push(id)
  return ids
}

describe('the F16 file, greedy', () => {
  for (const [index, { input, prompt, prompt_ids, greedy_ids, greedy_margin }] of golden.files[
    'storyteller-f16.gguf'
  ].prompts.entries()) {
    test(`prompt ${index + 1}: ${input.slice(0, 50)}`, async () => {
      await withModel('storyteller-f16.gguf', async (model) => {
        assert.deepEqual(await model.tokenize(prompt), prompt_ids)
        let step = 0
        while (step < greedy_ids.length) {
          // From here on by itself, up to a difference; there the reference's choice is forced.
          const forced = [...prompt_ids, ...greedy_ids.slice(0, step)]
          const settings = { ...greedy, maxTokens: greedy_ids.length - step }
          const ids = await idsOf(model.generate(forced, settings))
          while (step < greedy_ids.length && ids.length > 0 && ids[0] === greedy_ids[step]) {
            ids.shift()
            step++
          }
          if (step === greedy_ids.length) break
          const what = `step ${step}: ${ids[0]} instead of ${greedy_ids[step]}`
          assert.ok(greedy_margin[step] <= GREEDY_MARGIN, `${what}, margin ${greedy_margin[step]}`)
          step++
        }
      })
    })
  }
})

describe('text and tokens', () => {
  test('all tokenization vectors are equal', async () => {
    await withModel('storyteller-q8_0.gguf', async (model) => {
      for (const { text, add_special, parse_special, ids } of golden.tokenization) {
        const options = { addSpecial: add_special, parseSpecial: parse_special }
        assert.deepEqual(await model.tokenize(text, options), ids, JSON.stringify(text))
      }
    })
  })

  test('tokens of plain text become that text again', async () => {
    await withModel('storyteller-q8_0.gguf', async (model) => {
      for (const { text, parse_special } of golden.tokenization) {
        if (parse_special || text.includes('▁')) continue // SentencePiece writes a space like this
        const ids = await model.tokenize(text, { addSpecial: false, parseSpecial: false })
        assert.equal(await model.detokenize(ids), text)
      }
    })
  })

  test('a text of many pieces is tokenized as a whole', async () => {
    await withModel('storyteller-q8_0.gguf', async (model) => {
      const flags = { addSpecial: false, parseSpecial: false }
      const ids = await model.tokenize(heldout, flags)
      assert.equal(ids.length, golden.files['storyteller-q8_0.gguf'].perplexity.windowed.tokens)
      assert.equal(await model.detokenize(ids), heldout)
    })
  })

  test('generated pieces join to what detokenize gives', async () => {
    await withModel('storyteller-f16.gguf', async (model) => {
      for (const { prompt_ids, text } of golden.files['storyteller-f16.gguf'].prompts) {
        let joined = ''
        const ids = []
        for await (const piece of model.generate(prompt_ids, greedy)) {
          joined += piece.text
          ids.push(piece.id)
        }
        assert.equal(joined.trimStart(), (await model.detokenize(ids)).trimStart())
        assert.equal(joined.slice(0, 10), text.slice(0, 10))
      }
    })
  })

  test('a generation that ends by itself ends with the end token, which has no text', async () => {
    await withModel('storyteller-f16.gguf', async (model) => {
      const { prompts } = golden.files['storyteller-f16.gguf']
      const short = prompts.find(({ greedy_ids }) => greedy_ids.length < 64)
      assert.ok(short, 'golden.json has a prompt that ends')
      const pieces = []
      for await (const piece of model.generate(short.prompt_ids, greedy)) pieces.push(piece)
      assert.ok(END_TOKENS.includes(pieces.at(-1).id))
      assert.equal(
        pieces
          .map(({ text }) => text)
          .join('')
          .includes('<'),
        false,
      )
    })
  })
})

describe('perplexity of the held-out text', () => {
  for (const [name, { perplexity }] of Object.entries(golden.files)) {
    test(`${name}: within 0.5 % of llama.cpp, in windows and per story`, async () => {
      await withModel(name, async (model) => {
        const windowed = await model.perplexity(heldout)
        assert.equal(windowed.tokens, perplexity.windowed.tokens)
        near(windowed.perplexity, perplexity.windowed.perplexity)

        const total = { nll: 0, tokens: 0 }
        for (const story of heldout.split('\n\n\n')) {
          const { nll, tokens } = await model.perplexity(story)
          total.nll += nll
          total.tokens += tokens
        }
        assert.equal(total.tokens, perplexity.per_story.tokens)
        near(Math.exp(total.nll / total.tokens), perplexity.per_story.perplexity)
      })
    })
  }
})

function near(value, wanted) {
  assert.ok(Math.abs(value / wanted - 1) <= 0.005, `${value} instead of ${wanted}`)
}

describe('the best token after each prompt', () => {
  for (const [name, { prompts }] of Object.entries(golden.files)) {
    test(`${name}: that of llama.cpp`, async () => {
      await withModel(name, async (model) => {
        for (const { prompt_ids, top8 } of prompts) {
          const logits = await model.logits(prompt_ids)
          assert.equal(logits.length, 2048)
          const best = logits.indexOf(Math.max(...logits))
          if (top8[0][1] - top8[1][1] >= TOP1_MARGIN) assert.equal(best, top8[0][0])
        }
      })
    })
  }

  test('storyteller-f16.gguf: logits within 0.05 of llama.cpp', async () => {
    await withModel('storyteller-f16.gguf', async (model) => {
      for (const { prompt_ids, top8 } of golden.files['storyteller-f16.gguf'].prompts) {
        const logits = await model.logits(prompt_ids)
        for (const [id, logit] of top8) assert.ok(Math.abs(logits[id] - logit) < 0.05)
      }
    })
  })
})
