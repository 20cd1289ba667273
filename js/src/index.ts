// The package: what it exports, and nothing else.
import { abortError, isAbort, throwIfAborted } from './errors.js'
import { EventHub } from './events.js'
import type { Host, HostRequest } from './host.js'
import { knownKernels, rememberKernels } from './kernels-known.js'
import { LoadedModel } from './model.js'
import { checkLoadOptions } from './options.js'
import type { SessionEvents } from './session.js'
import { toSpec } from './source.js'
import type { Inspection, LoadOptions, Model, ModelSource, Plan } from './types.js'
import { wasmBinary } from './wasm-binary.js'
import { WorkerHost } from './worker-host.js'

export { VERSION as version } from './abi.js'
export { type ErrorCode, TinyAIError } from './errors.js'
export { formatSize, parseSize } from './size.js'
export type * from './types.js'

/**
 * What a model would take, from the header of its file alone: no weight is read. A budget that is too small is not an
 * error here: see `fits`, `minBudget` and `missingBytes`.
 */
export async function plan(source: ModelSource, options: LoadOptions = {}): Promise<Plan> {
  return await once(source, options, (host, request, signal) => host.plan(request, signal))
}

/** Metadata and tensors of a file, also of one that this version cannot run. */
export async function inspect(source: ModelSource, options: LoadOptions = {}): Promise<Inspection> {
  return await once(source, options, (host, request, signal) => host.inspect(request, signal))
}

/**
 * Loads a model: plans it, takes exactly the planned memory and opens it there. Weights are read as they are needed.
 * Rejects with `E_BUDGET` (`asked`, `allowed`, `missing`) if the budget is too small, before any weight is read.
 */
export async function load(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  const events = new EventHub()
  return await withHost(source, options, events, async (host, request, signal) => {
    const { loaded, snapshot } = await host.load(request, signal)
    rememberKernels(request.binary, loaded.known)
    return new LoadedModel(host, loaded, snapshot, events)
  })
}

type Use<T> = (host: Host, request: HostRequest, signal: AbortSignal) => Promise<T>

/** Asks a host for one thing and gives it back. */
async function once<T>(source: ModelSource, options: LoadOptions, ask: Use<T>): Promise<T> {
  return await withHost(source, options, new EventHub(), async (host, request, signal) => {
    const result = await ask(host, request, signal)
    await host.close()
    return result
  })
}

/** Checks the arguments, and gives the host back if what it is for fails. */
async function withHost<T>(
  source: ModelSource,
  options: LoadOptions,
  events: EventHub,
  use: Use<T>,
): Promise<T> {
  const checked = checkLoadOptions(options)
  const binary = wasmBinary(options.wasmUrl, options.wasmBytes)
  const request = { options: checked, source: toSpec(source), binary, known: knownKernels(binary) }
  const { signal = new AbortController().signal, onProgress } = options
  throwIfAborted(signal)
  if (onProgress) events.on('progress', onProgress)
  const sessionEvents = {
    onProgress: (progress: Parameters<typeof events.onProgress>[0]) => events.onProgress(progress),
    onSnapshot: (snapshot: Parameters<typeof events.onSnapshot>[0]) => events.onSnapshot(snapshot),
  }
  const host =
    options.worker === false
      ? await startInline(sessionEvents)
      : await WorkerHost.start(sessionEvents)
  try {
    return await use(host, request, signal)
  } catch (error) {
    await host.close()
    throw isAbort(error) && signal.aborted ? abortError(signal) : error
  }
}

/** Imported when asked for: a page whose models run in workers never loads the engine's side. */
async function startInline(events: SessionEvents): Promise<Host> {
  const { InlineHost } = await import('./host.js')
  return new InlineHost(events)
}
