// tinyai run: continues a prompt.
import { type FileHandle, open } from 'node:fs/promises'
import { isAbort, TinyAIError } from '../errors.js'
import { load } from '../index.js'
import { formatSize } from '../size.js'
import type { Model, Plan, Stats } from '../types.js'
import { modelOf, readInput } from './model.js'
import type { Request } from './options.js'
import { statsReport } from './report.js'
import { clearLine, note, perSecond, putText, showProgress, showSpeed } from './terminal.js'

export async function runCommand(request: Request, signal: AbortSignal): Promise<void> {
  const name = modelOf(request)
  const prompt =
    request.prompt ?? dropNewline(await readInput('prompt', 'tinyai run MODEL PROMPT', signal))
  // Opened before the work, so that a wrong name costs nothing.
  const report = await openReport(request)
  try {
    const options = { ...request.load, signal, onProgress: showProgress }
    const model = await load(name, options).finally(clearLine)
    try {
      if (!request.json) note(settings(model.plan, request))
      await generate(model, prompt, request, report, signal)
    } finally {
      await model.close()
    }
  } finally {
    await report?.close()
  }
}

/** The text as it comes, then what else was asked for; on an interrupt the text so far stays. */
async function generate(
  model: Model,
  prompt: string,
  request: Request,
  report: FileHandle | undefined,
  signal: AbortSignal,
): Promise<void> {
  const silence = model.on('progress', showProgress)
  const tokens: number[] = []
  let text = ''
  let stopped: unknown
  try {
    for await (const piece of model.generate(prompt, { ...request.generate, signal })) {
      if (tokens.length === 0) {
        silence() // the bar has done its work when there is text
        clearLine()
      }
      tokens.push(piece.id)
      if (request.json) text += piece.text
      else await putText(piece.text)
      showSpeed(tokens.length, model.stats().speed.generateMs)
    }
  } catch (error) {
    if (!isAbort(error)) throw error
    stopped = error
  } finally {
    clearLine()
    if (!request.json && tokens.length > 0) await putText('\n')
  }
  const stats = model.stats()
  if (request.json) {
    await putText(`${JSON.stringify({ text, tokens, stats })}\n`)
  } else {
    if (request.logitsHash) process.stderr.write(`logits hash ${stats.engine.logitsHash}\n`)
    note(summary(tokens.length, stats))
  }
  if (report) await report.writeFile(await reportOf(model, request.report?.endsWith('.json')))
  else if (request.report === '-' && !request.json)
    await putText(`\n${await reportOf(model, false)}`)
  if (stopped) throw stopped
}

/** For people also what the memory report does not tell. */
async function reportOf(model: Model, json = false): Promise<string> {
  if (json) return `${JSON.stringify(await model.memoryReport({ format: 'json' }))}\n`
  return `${await model.memoryReport()}\n${statsReport(model.stats(), model.plan)}`
}

function summary(tokens: number, { speed, memory, stream }: Stats): string {
  return (
    `${tokens} tokens, ${perSecond(tokens - 1, speed.generateMs)} tokens/s, ` +
    `${formatSize(memory.peakBytes)} of memory at most, ${formatSize(stream.bytesRead)} read`
  )
}

function settings(plan: Plan, { load }: Request): string {
  const budget = load.memoryBudget === undefined ? ' (default)' : ''
  const context = load.contextLength === undefined ? ' (default)' : ''
  return (
    `file ${formatSize(plan.fileBytes)}, budget ${formatSize(plan.budgetBytes)}${budget}, ` +
    `context ${plan.contextLength}${context}, ${plan.pinnedBlocks} of ${plan.blocks} blocks pinned, ` +
    `${formatSize(plan.streamedBytesPerToken)} read per token`
  )
}

async function openReport({ report }: Request): Promise<FileHandle | undefined> {
  if (report === undefined || report === '-') return undefined
  try {
    return await open(report, 'w')
  } catch (cause) {
    const message = `cannot write the report "${report}": ${(cause as Error).message}`
    throw new TinyAIError('E_IO', message, { url: report, cause })
  }
}

function dropNewline(text: string): string {
  return text.replace(/\r?\n$/, '')
}
