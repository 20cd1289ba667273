// Which model a command is for, and the text it is fed from outside.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { abortError, TinyAIError } from '../errors.js'
import { type Request, UsageError } from './options.js'

const BUNDLED = fileURLToPath(
  new URL('../../models/storyteller/storyteller-q8_0.gguf', import.meta.url),
)

/** Named, or $TINYAI_MODEL, or the bundled one. */
export function modelOf({ command, model, prompt }: Request): string {
  if (model === undefined) return process.env.TINYAI_MODEL || BUNDLED
  if (command === 'run' && prompt === undefined && /\s/.test(model) && !existsSync(model)) {
    throw new UsageError(
      `there is no file "${model}". To continue this text, name a model before it, or pipe it in: echo "…" | tinyai run. See tinyai run --help`,
    )
  }
  return model
}

/** All of standard input. */
export async function readInput(what: string, how: string, signal: AbortSignal): Promise<string> {
  if (process.stdin.isTTY)
    throw new UsageError(`no ${what}: ${how}, or pipe it in. See tinyai --help`)
  process.stdin.setEncoding('utf8')
  let text = ''
  const stop = () => process.stdin.destroy()
  signal.addEventListener('abort', stop)
  try {
    for await (const part of process.stdin) text += part
  } catch (error) {
    if (!signal.aborted) throw error
  }
  if (signal.aborted) throw abortError(signal)
  return text
}

/** The text of a file, as it is. */
export async function readText(name: string): Promise<string> {
  try {
    return await readFile(name, 'utf8')
  } catch (cause) {
    const message = `${name}: ${(cause as Error).message}; pass the path of a text file`
    throw new TinyAIError('E_NOT_FOUND', message, { url: name, cause })
  }
}
