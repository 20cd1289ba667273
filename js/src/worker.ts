// The worker's side: one Session, driven by messages. In a browser a module worker, in Node a worker thread.
import { withParentPort } from './environment.js'
import { TinyAIError, throwIfAborted, toWire } from './errors.js'
import type { HelpersStarted } from './helpers.js'
import {
  type Calls,
  type FromWorker,
  type Method,
  type ModelRequest,
  PIECES_AHEAD,
  type ToWorker,
} from './protocol.js'
import { inspectSession, type OpenSource, planSession, Session } from './session.js'
import type { Snapshot } from './snapshot.js'
import { openSource } from './source.js'
import type { RemoteSource } from './sources/remote.js'
import type { StartHelpers } from './threads.js'
import type { Progress } from './types.js'

interface Port {
  postMessage(message: FromWorker, transfer: ArrayBuffer[]): void
  onmessage: ((event: { data: ToWorker }) => void) | null
}

let port: Port
const post = (message: FromWorker) => port.postMessage(message, [])

const events = {
  onProgress: (progress: Progress) => post({ type: 'progress', progress }),
  onSnapshot: (snapshot: Snapshot) => post({ type: 'snapshot', snapshot }),
}

let onHelpers: (started: HelpersStarted) => void
const startHelpers: StartHelpers = (helpers) =>
  new Promise((resolve) => {
    onHelpers = resolve
    post({ type: 'start', helpers })
  })

let session: Session | undefined
let remote: RemoteSource | undefined
const calls = new Map<number, Call>()

/** A running call: its abort, and for generate how many pieces may be sent. */
class Call {
  readonly abort = new AbortController()
  #credits = PIECES_AHEAD
  #wake: (() => void) | undefined

  constructor() {
    this.abort.signal.addEventListener('abort', () => this.#wake?.())
  }

  addCredit(): void {
    this.#credits++
    this.#wake?.()
  }

  async takeCredit(): Promise<void> {
    while (this.#credits === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      throwIfAborted(this.abort.signal)
    }
    this.#credits--
  }
}

function opener({ source }: ModelRequest): OpenSource {
  if (source.kind !== 'remote') return (traffic, signal) => openSource(source, traffic, signal)
  return async (traffic) => {
    const { RemoteSource } = await import('./sources/remote.js')
    remote = new RemoteSource(source, traffic, post)
    return remote
  }
}

function current(): Session {
  if (session) return session
  throw new TinyAIError('E_CLOSED', 'the model is closed')
}

type Handlers = {
  [M in Method]: (call: Call, id: number, ...args: Calls[M]['args']) => Promise<Calls[M]['result']>
}

const handlers: Handlers = {
  plan: ({ abort }, _id, request) =>
    planSession(request.binary, opener(request), request.options, events.onProgress, abort.signal),
  inspect: ({ abort }, _id, request) =>
    inspectSession(request.binary, opener(request), events.onProgress, abort.signal),
  load: async ({ abort }, _id, request) => {
    const host = { ...events, startHelpers }
    session = await Session.load(request, opener(request), host, abort.signal)
    return { loaded: { ...session.loaded, variant: 'worker' }, snapshot: await session.snapshot() }
  },
  tokenize: ({ abort }, _id, text, flags) => current().tokenize(text, flags, abort.signal),
  detokenize: ({ abort }, _id, ids) => current().detokenize(ids, abort.signal),
  logits: ({ abort }, _id, ids) => current().logits(ids, abort.signal),
  perplexity: ({ abort }, _id, text) => current().perplexity(text, abort.signal),
  generate: async (call, id, prompt, settings) => {
    for await (const piece of current().generate(prompt, settings, call.abort.signal)) {
      post({ type: 'piece', id, piece })
      await call.takeCredit()
    }
    return undefined
  },
  setBudget: ({ abort }, _id, bytes) => current().setBudget(bytes, abort.signal),
  schedule: () => current().schedule(),
  memoryReport: (_call, _id, format) => current().memoryReport(format),
  close: async () => {
    await session?.close()
    session = undefined
    return undefined
  },
}

async function run(id: number, method: Method, args: unknown[]): Promise<void> {
  const call = new Call()
  calls.set(id, call)
  try {
    const handler = handlers[method] as (call: Call, id: number, ...args: unknown[]) => unknown
    const value = await handler(call, id, ...args)
    post({ type: 'result', id, value })
  } catch (error) {
    post({ type: 'error', id, error: toWire(error) })
  } finally {
    calls.delete(id)
  }
}

function onMessage(data: ToWorker): void {
  switch (data.type) {
    case 'call':
      void run(data.id, data.method, data.args)
      break
    case 'credit':
      calls.get(data.id)?.addCredit()
      break
    case 'abort':
      calls.get(data.id)?.abort.abort()
      break
    case 'bytes':
      remote?.onBytes(data.id, data.bytes)
      break
    case 'unreadable':
      remote?.onUnreadable(data.id, data.error)
      break
    case 'started':
      onHelpers(data.helpers)
      break
  }
}

withParentPort<Port>((parent) => {
  port = parent
  port.onmessage = ({ data }) => onMessage(data)
})
