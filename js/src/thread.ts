// A worker of the host, web or Node, behind one small interface.
import { builtin, isNode } from './environment.js'
import type { FromWorker, ToWorker } from './protocol.js'

export interface Thread {
  post(message: ToWorker, transfer?: ArrayBuffer[]): void
  terminate(): Promise<void>
  /** Whether it keeps the process running. */
  keepAlive(on: boolean): void
}

export interface ThreadEvents {
  onMessage(message: FromWorker): void
  /** It could not start, or ended by itself. */
  onFailure(reason: string): void
}

export async function startThread(events: ThreadEvents): Promise<Thread> {
  return isNode ? await startNodeThread(events) : startWebWorker(events)
}

async function startNodeThread({ onMessage, onFailure }: ThreadEvents): Promise<Thread> {
  const { Worker } = await builtin('node:worker_threads')
  // No flags of the process: some of them (--input-type) do not suit a file.
  const worker = new Worker(new URL('./worker.js', import.meta.url), { execArgv: [] })
  worker.on('message', onMessage)
  worker.on('error', (error) => onFailure(error.message))
  worker.on('exit', (code) => onFailure(`it exited with code ${code}`))
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    terminate: async () => {
      await worker.terminate()
    },
    keepAlive: (on) => (on ? worker.ref() : worker.unref()),
  }
}

function startWebWorker({ onMessage, onFailure }: ThreadEvents): Thread {
  // Written so that bundlers see it and bundle the worker.
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
  worker.onmessage = ({ data }) => onMessage(data)
  worker.onerror = (event) => onFailure(event.message || 'its script could not be loaded')
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    terminate: async () => worker.terminate(),
    keepAlive: () => {},
  }
}
