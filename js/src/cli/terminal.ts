// What people see on a terminal besides the text itself, and how they stop it.
import { formatSize } from '../size.js'
import type { Progress } from '../types.js'

const { stdout, stderr } = process

/** The first Ctrl-C aborts this signal, so that everything ends in order; the second one kills. */
export function stopOnInterrupt(): AbortSignal {
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort())
  return controller.signal
}

/** A note for people on standard error: dim on a terminal. */
export function note(text: string): void {
  const colour = stderr.isTTY && !process.env.NO_COLOR // no-color.org
  stderr.write(colour ? `\x1b[2m${text}\x1b[0m\n` : `${text}\n`)
}

/**
 * Text of a model, on a terminal without control characters, which could do anything to it. Resolves when there is room
 * for more.
 */
export async function putText(text: string): Promise<void> {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const shown = stdout.isTTY ? text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '?') : text
  if (shown === '' || stdout.write(shown)) return
  await new Promise<void>((resolve) => {
    stdout.once('drain', resolve)
  })
}

/** One line on standard error that is overwritten; only on a terminal. */
class LiveLine {
  #shown = false
  #last = 0

  /** At most ten times a second, unless it is the first. */
  show(text: () => string): void {
    const now = performance.now()
    if (!stderr.isTTY || (this.#shown && now - this.#last < 100)) return
    this.#last = now
    this.#shown = true
    stderr.write(`\r\x1b[K${text().slice(0, (stderr.columns ?? 80) - 1)}`)
  }

  clear(): void {
    if (this.#shown) stderr.write('\r\x1b[K')
    this.#shown = false
  }
}

const line = new LiveLine()

const BAR_CHARACTERS = 24

/** While the header or the weights are read and no text has come yet. */
export function showProgress({ stage, loaded, total }: Progress): void {
  line.show(() => {
    const share = total > 0 ? Math.min(1, loaded / total) : 1
    const filled = Math.round(share * BAR_CHARACTERS)
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_CHARACTERS - filled)
    const what = stage === 'header' ? 'reading the header' : 'reading the weights'
    return `${bar} ${Math.round(share * 100)}%  ${what}, ${formatSize(loaded)} of ${formatSize(total)}`
  })
}

/** Beside text that goes somewhere else. */
export function showSpeed(tokens: number, ms: number): void {
  if (stdout.isTTY || ms <= 0) return
  line.show(() => `${tokens} tokens, ${perSecond(tokens - 1, ms)} tokens/s`)
}

export function clearLine(): void {
  line.clear()
}

export function perSecond(count: number, ms: number): string {
  return (ms > 0 ? (Math.max(count, 0) * 1000) / ms : 0).toFixed(1)
}
