// Measures a model through the package's interface, as an application would use it: the same in Node and in browsers.

const PROGRESS_MS = 5 // how often the number of passes is looked at

/** One generation: ids, times in ms, and when the pass after `passes` others began, counted from the start. */
async function generate(model, ids, maxTokens, passes) {
  const before = model.stats().stream.passes
  const start = performance.now()
  let reached = null
  const look = () => {
    if (reached === null && model.stats().stream.passes - before > passes)
      reached = performance.now() - start
  }
  const watch = passes > 0 ? setInterval(look, PROGRESS_MS) : null
  const out = []
  try {
    for await (const piece of model.generate(ids, { maxTokens, temperature: 0, ignoreEos: true })) {
      out.push(piece.id)
      if (out.length === 1) clearInterval(watch) // the prompt has been read
    }
  } finally {
    clearInterval(watch)
  }
  const { speed, engine } = model.stats()
  if (speed.promptTokens !== ids.length || speed.generatedTokens !== maxTokens)
    throw new Error(`asked for ${ids.length} + ${maxTokens} tokens: ${JSON.stringify(speed)}`)
  return { out, logitsHash: engine.logitsHash, reached, ...speed }
}

/** Prompt and generation at the start of the context: the best of `repeats` after a warm-up. */
async function measureFront(model, ids, { generate: tokens, repeats }) {
  const best = { promptMs: Infinity, generateMs: Infinity }
  let last
  for (let r = 0; r <= repeats; r++) {
    // generateMs is from the first token to the last: one token more makes `tokens` passes of one token.
    last = await generate(model, ids, tokens + 1, 0)
    if (r === 0) continue // caches and the compiler warm up
    best.promptMs = Math.min(best.promptMs, last.promptMs)
    best.generateMs = Math.min(best.generateMs, last.generateMs)
  }
  return {
    prefill_tps: (ids.length / best.promptMs) * 1000,
    decode_tps: (tokens / best.generateMs) * 1000,
    ids: last.out.slice(0, tokens),
    logits_hash: last.logitsHash,
  }
}

/**
 * The same behind `depth` tokens. A session cannot be continued by ids, so all of them are one prompt; the number of
 * passes in stats(), at most 30 ms late, tells when the first `depth` were read.
 */
async function measureDeep(model, ids, { generate: tokens, depth }) {
  const chunk = model.plan.promptTokensPerPass
  if (depth % chunk !== 0)
    throw new Error(`passes of ${chunk} prompt tokens do not end at a depth of ${depth}`)
  const { reached, promptMs, generateMs, logitsHash } = await generate(
    model,
    ids,
    tokens + 1,
    depth / chunk,
  )
  if (reached === null) throw new Error(`stats() did not tell when ${depth} tokens were read`)
  return {
    depth,
    deep_prefill_tps: ((ids.length - depth) / (promptMs - reached)) * 1000,
    deep_decode_tps: (tokens / generateMs) * 1000,
    deep_logits_hash: logitsHash,
  }
}

/** A tier or threads that are not what was asked for would be measured under a wrong name. */
function checkEngine({ kernels, threads, threadsReason }, wanted) {
  const other =
    wanted.kernels !== 'auto' && kernels !== wanted.kernels
      ? `it runs ${kernels} instead of ${wanted.kernels}`
      : threads !== wanted.threads && (threadsReason ?? `it runs ${threads} threads`)
  if (other) throw Object.assign(new Error(other), { code: 'E_UNSUPPORTED' })
}

/**
 * Loads and measures: {prefill_tps, decode_tps, threads, threads_reason, kernels, peak_bytes, ids, logits_hash, …}.
 * counts: {prompt, generate, repeats, depth}; `idsOf(model, count)` gives the ids of the prompt. Rejects with the code
 * E_UNSUPPORTED where the kernels or threads of the options are not there.
 */
export async function measureModel(load, source, loadOptions, counts, idsOf) {
  const { prompt, generate: tokens, depth = 0 } = counts
  const model = await load(source, {
    contextLength: depth + prompt + tokens + 1,
    ...loadOptions,
  })
  try {
    checkEngine(model.stats().engine, loadOptions)
    if (model.plan.streamedBytesPerToken > 0)
      throw new Error('the budget does not hold all weights: reading would be measured too')
    const ids = await idsOf(model, depth + prompt)
    const front = await measureFront(model, ids.slice(0, prompt), counts)
    const deep = depth > 0 ? await measureDeep(model, ids, counts) : {}
    const { engine, memory } = model.stats()
    checkEngine(engine, loadOptions)
    return {
      ...front,
      ...deep,
      prompt_tokens: prompt,
      generated_tokens: tokens,
      threads: engine.threads,
      threads_reason: engine.threadsReason,
      kernels: engine.kernels,
      kernels_reason: engine.kernelsReason,
      peak_bytes: memory.peakBytes,
      tokens_per_pass: model.plan.promptTokensPerPass,
      prompt_ids: ids.slice(0, prompt),
    }
  } finally {
    await model.close()
  }
}
