// tinyai perplexity: how well a model predicts a text.
import { load } from '../index.js'
import { modelOf, readInput, readText } from './model.js'
import type { Request } from './options.js'
import { clearLine, putText, showProgress } from './terminal.js'

export async function perplexityCommand(request: Request, signal: AbortSignal): Promise<void> {
  const text =
    request.file === undefined
      ? await readInput('text', 'pass --file TEXT', signal)
      : await readText(request.file)
  const options = { ...request.load, signal, onProgress: showProgress }
  const model = await load(modelOf(request), options).finally(clearLine)
  try {
    const { perplexity, nll, tokens } = await model.perplexity(text, { signal })
    clearLine()
    await putText(
      request.json
        ? `${JSON.stringify({ perplexity, nll, tokens, stats: model.stats() })}\n`
        : `perplexity ${perplexity.toFixed(5)}\nnll        ${nll.toFixed(4)}\ntokens     ${tokens}\n`,
    )
  } finally {
    clearLine()
    await model.close()
  }
}
