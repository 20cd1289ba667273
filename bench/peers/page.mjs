// In the page: window.measure(engine, {url, load, counts, vocabulary}) -> a result as of measure.mjs, or {error, code}.
import { measureModel, spreadIds } from '../measure.mjs'

async function measureTinyai({ url, load: options, counts, vocabulary }) {
  const { load } = await import('../../dist/index.js')
  const idsOf = (_, count) => spreadIds(vocabulary, count)
  return await measureModel(load, url, options, counts, idsOf)
}

/** llama.cpp's own timings of a completion: its prompt is a list of ids, as its server takes it. */
async function complete(wllama, prompt, tokens) {
  const { timings } = await wllama.createCompletion({
    prompt,
    max_tokens: tokens,
    temperature: 0,
    top_k: 1,
    ignore_eos: true,
    cache_prompt: false,
  })
  if (timings?.prompt_n !== prompt.length || timings.predicted_n !== tokens)
    throw new Error(`asked for ${prompt.length} + ${tokens} tokens: ${JSON.stringify(timings)}`)
  return timings
}

async function measureWllama({ url, counts, vocabulary, threads }) {
  const { Wllama, LoggerWithoutDebug } = await import('/wllama/esm/index.js')
  const wllama = new Wllama(
    { default: '/wllama/esm/wasm/wllama.wasm' },
    { suppressNativeLog: true, logger: LoggerWithoutDebug },
  )
  const weights = await (await fetch(url)).blob()
  const { prompt, generate: tokens, repeats } = counts
  await wllama.loadModel([weights], {
    n_ctx: prompt + tokens + 1,
    n_batch: prompt,
    n_threads: threads,
    n_gpu_layers: 0,
    n_parallel: 1,
  })
  if (wllama.getNumThreads() !== threads)
    throw new Error(`wllama has ${wllama.getNumThreads()} threads instead of ${threads}`)
  const ids = spreadIds(vocabulary, prompt)
  await complete(wllama, ids.slice(0, 8), 2) // the compiler warms up
  const best = { prompt_ms: Infinity, predicted_ms: Infinity }
  for (let r = 0; r < repeats; r++) {
    // The time of the first token is not in predicted_ms: one token more makes `tokens` passes of one token.
    const timings = await complete(wllama, ids, tokens + 1)
    for (const name in best) best[name] = Math.min(best[name], timings[name])
  }
  await wllama.exit()
  return {
    prefill_tps: (prompt / best.prompt_ms) * 1000,
    decode_tps: (tokens / best.predicted_ms) * 1000,
    prompt_tokens: prompt,
    generated_tokens: tokens,
    threads,
    kernels: `libllama ${Wllama.getLibllamaVersion()}`,
  }
}

const ENGINES = { tinyai: measureTinyai, wllama: measureWllama }

window.measure = async (engine, spec) => {
  try {
    return await ENGINES[engine](spec)
  } catch (error) {
    return { error: String(error?.message ?? error), code: error?.code }
  }
}
