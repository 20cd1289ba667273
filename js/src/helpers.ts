// Workers that share the engine's memory and compute beside it. They are started when a model is opened, sleep while
// nothing is computed, and are gone when its close() resolves.
//
// The thread that hosts the engine starts them, not the engine's own worker: while Firefox is watched by its debugger or by
// a driver of tests, a worker that starts a worker can wait for ever. The new worker's own thread may take the wake-up.
import { builtin, isNode } from './environment.js'
import { messageOf } from './errors.js'

/** What helpers need. */
export interface HelpersWanted {
  module: WebAssembly.Module
  memory: WebAssembly.Memory
  /** Where the stack of each ends in that memory. */
  stacks: number[]
}

export interface HelpersStarted {
  count: number
  /** Why not as many as were wanted, or `null`. */
  reason: string | null
}

export interface ToHelper {
  module: WebAssembly.Module
  memory: WebAssembly.Memory
  stack: number
}

export type FromHelper = { type: 'ready' } | { type: 'failed'; reason: string }

/** A helper that has not started after this time is done without. */
const START_MS = 10000
/** One that was sent away and has not gone after this time is ended. */
const STOP_MS = 1000

export class Helpers {
  #workers: HelperWorker[] = []
  #stopped = false

  async start({ stacks, ...shared }: HelpersWanted): Promise<HelpersStarted> {
    const starting = stacks.map((stack) => HelperWorker.start({ ...shared, stack }))
    const results = await Promise.allSettled(starting)
    this.#workers = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const count = this.#workers.length
    if (this.#stopped) await this.stop(false) // the engine ended meanwhile
    const failed = results.find((one) => one.status === 'rejected')
    const reason = failed
      ? `${stacks.length - count} of ${stacks.length} helper workers could not be started: ${messageOf(failed.reason)}`
      : null
    return { count, reason }
  }

  /** sentAway: whether the engine has told them to go. */
  async stop(sentAway: boolean): Promise<void> {
    this.#stopped = true
    const workers = this.#workers
    this.#workers = []
    await Promise.all(workers.map((worker) => worker.stop(sentAway ? STOP_MS : 0)))
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
