// In the page: window.measure(engine, {url, load, counts, prompt: {text, ids}}) -> a result as of measure.mjs, or {error, code}.
import { measureModel } from '../measure.mjs'

async function measureTinyai({ url, load: options, counts, prompt }) {
  const { load } = await import('../../dist/index.js')
  return await measureModel(load, url, options, counts, () => prompt.ids)
}

/** llama.cpp's own timings of a completion. wllama takes no ids: the text is that of the ids. */
async function complete(wllama, prompt, promptTokens, tokens) {
  const { timings } = await wllama.createCompletion({
    prompt,
    max_tokens: tokens,
    temperature: 0,
    top_k: 1,
    ignore_eos: true,
    cache_prompt: false,
  })
  if (timings?.prompt_n !== promptTokens || timings.predicted_n !== tokens)
    throw new Error(`asked for ${promptTokens} + ${tokens} tokens: ${JSON.stringify(timings)}`)
  return timings
}

async function measureWllama({ url, counts, prompt, threads }) {
  const { Wllama, LoggerWithoutDebug } = await import('/wllama/esm/index.js')
  const wllama = new Wllama(
    { default: '/wllama/esm/wasm/wllama.wasm' },
    { suppressNativeLog: true, logger: LoggerWithoutDebug },
  )
  const weights = await (await fetch(url)).blob()
  const { prompt: promptTokens, generate: tokens, repeats } = counts
  await wllama.loadModel([weights], {
    n_ctx: promptTokens + tokens + 1,
    n_batch: promptTokens,
    n_threads: threads,
    n_gpu_layers: 0,
    n_parallel: 1,
  })
  if (wllama.getNumThreads() !== threads)
    throw new Error(`wllama has ${wllama.getNumThreads()} threads instead of ${threads}`)
  await complete(wllama, '', 1, 2) // the compiler warms up
  const best = { prompt_ms: Infinity, predicted_ms: Infinity }
  for (let r = 0; r < repeats; r++) {
    // The time of the first token is not in predicted_ms: one token more makes `tokens` passes of one token.
    const timings = await complete(wllama, prompt.text, promptTokens, tokens + 1)
    for (const name in best) best[name] = Math.min(best[name], timings[name])
  }
  await wllama.exit()
  return {
    prefill_tps: (promptTokens / best.prompt_ms) * 1000,
    decode_tps: (tokens / best.predicted_ms) * 1000,
    prompt_tokens: promptTokens,
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
