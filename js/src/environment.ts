// What this host is. Nothing in the package names a `node:` module statically, so that a bundler for the web has
// nothing to resolve: Node's own modules come through builtin().

/** Node, Deno, Bun and Electron's main process; not a page or a web worker. */
export const isNode: boolean =
  typeof process === 'object' &&
  typeof process.versions?.node === 'string' &&
  (process as { type?: string }).type !== 'renderer'

interface Builtins {
  'node:fs': typeof import('node:fs')
  'node:fs/promises': typeof import('node:fs/promises')
  'node:os': typeof import('node:os')
  'node:path': typeof import('node:path')
  'node:url': typeof import('node:url')
  'node:worker_threads': typeof import('node:worker_threads')
}

/** A module of Node itself. The name is a variable to bundlers, which therefore leave the import alone. */
export async function builtin<N extends keyof Builtins>(name: N): Promise<Builtins[N]> {
  const specifier: string = name
  return (await import(/* webpackIgnore: true */ /* @vite-ignore */ specifier)) as Builtins[N]
}

/**
 * In a worker: gives `use` the port to the thread that started it. Nothing is awaited at the top level of a worker's script:
 * some bundlers make classic scripts of them, which cannot.
 */
export function withParentPort<Port>(use: (port: Port) => void): void {
  if (isNode) void builtin('node:worker_threads').then(({ parentPort }) => use(parentPort as Port))
  else use(globalThis as Port)
}

/** Phones get a smaller default budget: their browsers end a page that takes more without a word. */
export function isPhone(): boolean {
  if (isNode || typeof navigator === 'undefined') return false
  const { userAgentData } = navigator as { userAgentData?: { mobile?: boolean } }
  if (userAgentData?.mobile !== undefined) return userAgentData.mobile
  const { userAgent = '', maxTouchPoints = 0 } = navigator
  // An iPad says it is a Mac, but no Mac has a touch screen.
  return (
    /Android|iPhone|iPad|Mobile/.test(userAgent) ||
    (/Macintosh/.test(userAgent) && maxTouchPoints > 1)
  )
}

/** Lets timers, messages and finished reads through: a turn of the event loop, without the 4 ms of setTimeout. */
export const turn: () => Promise<void> =
  typeof setImmediate === 'function'
    ? () => new Promise((resolve) => setImmediate(resolve))
    : breatheByMessage()

function breatheByMessage(): () => Promise<void> {
  const { port1, port2 } = new MessageChannel()
  const waiting: (() => void)[] = []
  port1.onmessage = () => waiting.shift()?.()
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve)
      port2.postMessage(null)
    })
}

/** Longest time without a turn of the event loop. */
const BREATHE_MS = 8

/** Gives long work its turns of the event loop. */
export class Breather {
  #last = performance.now()

  /** Every few milliseconds, or now. */
  async breathe(now = false): Promise<void> {
    if (!now && performance.now() - this.#last < BREATHE_MS) return
    await turn()
    this.breathed()
  }

  /** There was a turn anyway. */
  breathed(): void {
    this.#last = performance.now()
  }
}
