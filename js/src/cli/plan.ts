// tinyai plan: what a model takes. The plan is the answer, also when it does not fit.
import { plan } from '../index.js'
import { modelOf } from './model.js'
import type { Request } from './options.js'
import { planReport } from './report.js'
import { clearLine, putText, showProgress } from './terminal.js'

export async function planCommand(request: Request, signal: AbortSignal): Promise<void> {
  const model = modelOf(request)
  const result = await plan(model, { ...request.load, signal, onProgress: showProgress }).finally(
    clearLine,
  )
  await putText(request.json ? `${JSON.stringify(result)}\n` : planReport(result))
}
