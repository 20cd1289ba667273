// tinyai inspect: what the header of a model says of it.
import { plan } from '../index.js'
import { modelOf } from './model.js'
import type { Request } from './options.js'
import { inspectReport } from './report.js'
import { clearLine, putText, showProgress } from './terminal.js'

export async function inspectCommand(request: Request, signal: AbortSignal): Promise<void> {
  const model = modelOf(request)
  const result = await plan(model, { ...request.load, signal, onProgress: showProgress }).finally(
    clearLine,
  )
  await putText(
    request.json ? `${JSON.stringify({ model, ...result })}\n` : inspectReport(result, model),
  )
}
