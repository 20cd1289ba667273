// How many threads can compute here, why not more, and how an engine gets them.
import * as abi from './abi.js'
import type { Engine } from './engine.js'
import { builtin, isNode, isPhone, turn } from './environment.js'
import type { HelpersStarted, HelpersWanted } from './helpers.js'

/** More seldom help: they share the memory's bandwidth, and half of a phone's processors are slow ones. */
const MOST_BY_DEFAULT = 8
const MOST_ON_PHONES = 4

/**
 * V8 11.3 (Node 20) gives other numbers when two threads run code of its first compiler on one memory: of 16 prompt tokens
 * a quarter of the results was wrong with that compiler alone, and one in 30 as Node comes. 12.4 and 13.6: none.
 */
const LEAST_V8 = 12

export interface ThreadsChoice {
  /** The caller of the engine included. */
  threads: number
  /** Nobody asked for so many: fewer will do where the budget has no room for them. */
  byDefault: boolean
  /** Why fewer than asked for, or than there are processors; `null`: they are all there. */
  reason: string | null
}

/** wanted: undefined where the caller leaves it to us. threaded: whether there is a module with helpers. */
export async function chooseThreads(
  wanted: number | undefined,
  threaded: boolean,
): Promise<ThreadsChoice> {
  const byDefault = wanted === undefined
  const threads =
    wanted ?? Math.min(await processors(), isPhone() ? MOST_ON_PHONES : MOST_BY_DEFAULT)
  const reason = threads === 1 ? null : whyAlone(threaded)
  return { threads: reason === null ? threads : 1, byDefault, reason }
}

async function processors(): Promise<number> {
  if (isNode) return (await builtin('node:os')).availableParallelism()
  return globalThis.navigator?.hardwareConcurrency ?? 1
}

function whyAlone(threaded: boolean): string | null {
  if (!threaded) {
    return 'the module given has one thread: give tinyai-threads.wasm, or leave out wasmUrl and wasmBytes'
  }
  if (isNode && Number.parseInt(process.versions.v8 ?? '', 10) < LEAST_V8) {
    return `two threads compute wrong numbers in V8 ${process.versions.v8}, which this Node has: use a newer one`
  }
  if (!isNode && globalThis.crossOriginIsolated !== true) {
    return 'the page is not cross-origin isolated: serve it with "Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp"'
  }
  if (typeof SharedArrayBuffer === 'undefined') return 'this host has no shared memory'
  if (!mayWait()) {
    return 'the thread of a page must not wait for others; without { worker: false } the engine has its own'
  }
  return null
}

/** Browsers forbid Atomics.wait to the thread that draws the page. */
function mayWait(): boolean {
  return isNode || 'WorkerGlobalScope' in globalThis
}

export type StartHelpers = (wanted: HelpersWanted) => Promise<HelpersStarted>

/** Helpers that said they are ready take part within microseconds; one that trapped at once never does. */
const BEGIN_MS = 1000

/** Gives an engine that has a model its helpers. Resolves with why there are fewer than `count`, or `null`. */
export async function getHelpers(
  engine: Engine,
  module: WebAssembly.Module,
  count: number,
  start: StartHelpers,
): Promise<string | null> {
  if (count === 0) return null
  const { memory, wasm } = engine
  const stacks = Array.from(
    { length: count },
    (_, index) => wasm.tinyai_js_helper_stack(index) >>> 0,
  )
  const started = await start({ module, memory, stacks })
  const end = performance.now() + BEGIN_MS
  while (threadsOf(engine) <= started.count && performance.now() < end) await turn()
  return started.reason
}

function threadsOf(engine: Engine): number {
  engine.wasm.tinyai_js_stats()
  return engine.get(abi.Stats.threads, engine.address(abi.Exchange.stats))
}

/** Whether a module computes with helpers, which takes shared memory whether or not there are any. */
export function isThreaded(module: WebAssembly.Module): boolean {
  return WebAssembly.Module.exports(module).some(({ name }) => name === 'tinyai_js_help')
}
