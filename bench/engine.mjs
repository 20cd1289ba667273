#!/usr/bin/env node
// Measures this engine on one model through the package's own interface, as an application would use it, and prints one
// JSON line with the same fields as peer-llama.mjs, and the token ids of the prompt for the peer to use.
//
//   node bench/engine.mjs MODEL [--prompt 256] [--generate 64] [--repeats 3] [--threads 1]
import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

const PACKAGE = new URL('../dist/index.js', import.meta.url)
const TEXT = new URL('../tests/vectors/storyteller/heldout.txt', import.meta.url)

/** The shortest beginning of the text that is exactly `count` tokens, BOS included. */
async function promptOf(model, text, count) {
  // A token is at least a byte, so half of that many characters cannot be too long already.
  for (let end = count >> 1; end <= text.length; end++) {
    const prompt = text.slice(0, end)
    const ids = await model.tokenize(prompt)
    if (ids.length === count) return { prompt, ids: [...ids] }
  }
  throw new Error(`no beginning of the text is ${count} tokens`)
}

async function measure(path, { prompt: promptTokens, generate, repeats, threads }) {
  if (!existsSync(PACKAGE)) throw new Error('the package is not built: run `npm run build`')
  const { load } = await import(PACKAGE)
  const model = await load(path, {
    memoryBudget: '512MB', // all resident
    contextLength: promptTokens + generate + 1,
    threads,
    kernels: 'auto',
    kv: 'f16',
  })
  const { prompt, ids } = await promptOf(model, readFileSync(TEXT, 'utf8'), promptTokens)
  // generateMs is from the first token to the last: one token more makes `generate` passes of one token.
  const options = { maxTokens: generate + 1, temperature: 0, ignoreEos: true }
  const best = { promptMs: Infinity, generateMs: Infinity }
  let out
  for (let r = 0; r <= repeats; r++) {
    out = []
    for await (const piece of model.generate(prompt, options)) out.push(piece.id)
    const { speed } = model.stats()
    if (speed.promptTokens !== promptTokens || speed.generatedTokens !== generate + 1)
      throw new Error(
        `asked for ${promptTokens} + ${generate + 1} tokens: ${JSON.stringify(speed)}`,
      )
    if (r === 0) continue // caches and the compiler warm up
    best.promptMs = Math.min(best.promptMs, speed.promptMs)
    best.generateMs = Math.min(best.generateMs, speed.generateMs)
  }
  const { engine, memory } = model.stats()
  await model.close()
  return {
    prefill_tps: (promptTokens / best.promptMs) * 1000,
    decode_tps: (generate / best.generateMs) * 1000,
    prompt_tokens: promptTokens,
    generated_tokens: generate,
    threads: engine.threads,
    kernels: engine.kernels,
    peak_bytes: memory.peakBytes,
    prompt_ids: ids,
    ids: out.slice(0, generate),
  }
}

try {
  const number = { type: 'string' }
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { prompt: number, generate: number, repeats: number, threads: number },
  })
  if (positionals.length !== 1)
    throw new Error(
      'usage: engine.mjs MODEL [--prompt N] [--generate N] [--repeats N] [--threads N]',
    )
  const { prompt = 256, generate = 64, repeats = 3, threads = 1 } = values
  const counts = { prompt, generate, repeats, threads }
  for (const name in counts) counts[name] = Number(counts[name])
  console.log(JSON.stringify(await measure(positionals[0], counts)))
} catch (error) {
  console.error(`engine: ${error.message}`)
  process.exitCode = 1
}
