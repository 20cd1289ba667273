// The engine's helpers: workers that share its memory. They are started when a model is opened, sleep while nothing is
// computed, and are gone when its close() resolves.
import * as abi from './abi.js'
import type { Engine } from './engine.js'
import { builtin, isNode, turn } from './environment.js'
import { messageOf } from './errors.js'

export interface ToHelper {
  module: WebAssembly.Module
  memory: WebAssembly.Memory
  /** The end of its stack in that memory. */
  stack: number
}

export type FromHelper = { type: 'ready' } | { type: 'failed'; reason: string }

/** A helper that has not started after this time is done without. */
const START_MS = 10000
/** One that has not gone after this time is ended. */
const STOP_MS = 1000

export class Helpers {
  readonly #engine: Engine
  #workers: HelperWorker[] = []

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Why there are fewer than asked for, or `null`. */
  async start(module: WebAssembly.Module, count: number): Promise<string | null> {
    const { wasm, memory } = this.#engine
    const starting = Array.from({ length: count }, (_, index) =>
      HelperWorker.start({ module, memory, stack: wasm.tinyai_js_helper_stack(index) >>> 0 }),
    )
    const results = await Promise.allSettled(starting)
    this.#workers = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    // They said so right before they began: it is a matter of microseconds.
    const end = performance.now() + START_MS
    while (this.#running() < this.#workers.length && performance.now() < end) await turn()
    const failed = results.find((one) => one.status === 'rejected')
    if (!failed) return null
    return `${count - this.#workers.length} of ${count} helper workers could not be started: ${messageOf(failed.reason)}`
  }

  #running(): number {
    this.#engine.wasm.tinyai_js_stats()
    const stats = this.#engine.address(abi.Exchange.stats)
    return this.#engine.get(abi.Stats.threads, stats) - 1
  }

  /** usable: whether the engine can still be asked to let them go. */
  async stop(usable: boolean): Promise<void> {
    const workers = this.#workers
    this.#workers = []
    if (workers.length === 0) return
    if (usable) this.#engine.wasm.tinyai_js_stop_helpers()
    await Promise.all(workers.map((worker) => worker.stop(usable ? STOP_MS : 0)))
  }
}

/** A worker of the host, web or Node. */
class HelperWorker {
  readonly #terminate: () => unknown
  /** Resolves when it has ended. */
  readonly #ended: Promise<void>

  static async start(message: ToHelper): Promise<HelperWorker> {
    return isNode ? await HelperWorker.#startNode(message) : await HelperWorker.#startWeb(message)
  }

  static async #startNode(message: ToHelper): Promise<HelperWorker> {
    const { Worker } = await builtin('node:worker_threads')
    const worker = new Worker(new URL('./helper.js', import.meta.url), { execArgv: [] })
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    const helper = new HelperWorker(() => worker.terminate(), ended)
    await helper.#begin((settle) => {
      worker.on('message', (answer: FromHelper) => settle(answer))
      worker.on('error', (error) => settle({ type: 'failed', reason: error.message }))
      worker.on('exit', () => settle({ type: 'failed', reason: 'it ended' }))
      worker.postMessage(message)
    })
    worker.unref() // the process need not wait for it
    return helper
  }

  static async #startWeb(message: ToHelper): Promise<HelperWorker> {
    // Written so that bundlers see it and bundle the worker.
    const worker = new Worker(new URL('./helper.js', import.meta.url), { type: 'module' })
    const helper = new HelperWorker(() => worker.terminate(), Promise.resolve())
    await helper.#begin((settle) => {
      worker.onmessage = ({ data }) => settle(data)
      worker.onerror = (event) =>
        settle({ type: 'failed', reason: event.message || 'its script could not be loaded' })
      worker.postMessage(message)
    })
    return helper
  }

  private constructor(terminate: () => unknown, ended: Promise<void>) {
    this.#terminate = terminate
    this.#ended = ended
  }

  async #begin(listen: (settle: (answer: FromHelper) => void) => void): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer after ${START_MS} ms`)), START_MS)
        listen((answer) => {
          if (answer.type === 'ready') resolve()
          else reject(new Error(answer.reason))
        })
      })
    } catch (error) {
      await this.#terminate()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  async stop(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms)
    })
    await Promise.race([this.#ended, timeout])
    clearTimeout(timer)
    await this.#terminate()
  }
}
