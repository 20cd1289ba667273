// A model in the thread of its engine: planned, opened, and doing one thing at a time. Knows nothing of workers; model.ts
// is what the caller sees of it.
import * as abi from './abi.js'
import type { ByteSource } from './byte-source.js'
import { Engine, type Field } from './engine.js'
import { isAbort, isNoMemory, messageOf, noMemory, TinyAIError, throwIfAborted } from './errors.js'
import type { HostRequest } from './host.js'
import { type ChosenModule, chooseModule, type KnownKernels } from './kernels-choice.js'
import type { EngineOptions, GenerateSettings } from './options.js'
import { budgetError, newBudgetError, planModel, putOptions, readPlan } from './planner.js'
import { Reader } from './reader.js'
import { Runner } from './runner.js'
import { readSchedule } from './schedule.js'
import {
  type Loaded,
  readBlockBytes,
  readStates,
  type Snapshot,
  type SnapshotRoom,
  snapshotRoom,
} from './snapshot.js'
import {
  detokenize,
  putIds,
  putStops,
  readReport,
  readText,
  type TextFlags,
  tokenize,
} from './text.js'
import {
  chooseThreads,
  getHelpers,
  isThreaded,
  type StartHelpers,
  type ThreadsChoice,
} from './threads.js'
import { Traffic } from './traffic.js'
import type { Inspection, Perplexity, Piece, Plan, Progress, ScheduleStep } from './types.js'
import { compile, nameOf, type WasmBinary } from './wasm-binary.js'

/** While a step is only one of many, not every one is told of. */
const SNAPSHOT_MS = 30
const NO_BOS = 0xffffffff
/** No vocabulary has tokens as long as this. */
const MOST_TOKEN_CHARACTERS = 1024

export type OpenSource = (traffic: Traffic, signal: AbortSignal) => Promise<ByteSource>

export interface SessionEvents {
  onProgress(progress: Progress): void
  onSnapshot(snapshot: Snapshot): void
}

/** What a session needs of the thread that hosts it. */
export interface SessionHost extends SessionEvents {
  startHelpers: StartHelpers
}

/** The plan of a model, from its header alone. */
export async function planSession(
  binary: WasmBinary,
  open: OpenSource,
  options: EngineOptions,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Plan> {
  const traffic = new Traffic()
  return await withSource(binary, open, traffic, signal, async (module, source) => {
    const threads = await chooseThreads(
      options.threads,
      binary.threaded !== undefined || isThreaded(module),
    )
    const { plan } = await planModel(module, source, options, threads, traffic, onProgress, signal)
    return plan
  })
}

/** What the header of a file says. */
export async function inspectSession(
  binary: WasmBinary,
  open: OpenSource,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Inspection> {
  return await withSource(binary, open, new Traffic(), signal, async (module, source) => {
    const { inspectModel } = await import('./inspector.js') // few pages need it
    return await inspectModel(module, source, onProgress, signal)
  })
}

async function withSource<T>(
  binary: WasmBinary,
  open: OpenSource,
  traffic: Traffic,
  signal: AbortSignal,
  use: (module: WebAssembly.Module, source: ByteSource) => Promise<T>,
): Promise<T> {
  const [module, source] = await bothOrNone(compile(binary.module), open(traffic, signal))
  try {
    return await use(module, source)
  } catch (error) {
    throw named(error, source.name)
  } finally {
    await source.close()
  }
}

export class Session {
  loaded: Loaded
  readonly #engine: Engine
  readonly #source: ByteSource
  readonly #traffic: Traffic
  readonly #events: SessionEvents
  readonly #reader: Reader
  readonly #runner: Runner
  /** The engine's defaults, as it left them in the exchange block. */
  readonly #samplingPreset: Uint8Array
  #promptMs = 0
  #generateMs = 0
  #seed = 0
  #weightsRead = false
  #lastSnapshot = 0
  #running = false
  /** Ends when the last new budget has been set or refused. */
  #budgetSet: Promise<unknown> = Promise.resolve()
  /** Why the engine cannot be used any more. */
  #broken: unknown

  /** Plans, and if that fits takes the memory and opens the model. No weight is read. */
  static async load(
    { binary, options, known }: Omit<HostRequest, 'source'>,
    open: OpenSource,
    host: SessionHost,
    signal: AbortSignal,
  ): Promise<Session> {
    const traffic = new Traffic()
    const chosen = chooseModules(binary, options, known)
    const [choices, source] = await bothOrNone(chosen, open(traffic, signal))
    const { module, file, choice, threads } = choices
    try {
      const { onProgress } = host
      const planned = await planModel(module, source, options, threads, traffic, onProgress, signal)
      const { plan, header } = planned
      if (!plan.fits) throw budgetError(plan, source.name)
      const { reservedBytes } = plan
      const engine = await Engine.create(module, reservedBytes)
      const headerAt = engine.wasm.tinyai_js_header_address(reservedBytes, plan.headerBytes) >>> 0
      const into = engine.bytes.subarray(headerAt, headerAt + plan.headerBytes)
      if (header) {
        into.set(header)
        traffic.release(header.length)
      } else {
        await source.read([{ offset: 0, into }], signal)
      }
      throwIfAborted(signal)
      const { kernels, reason } = await choice
      throwIfAborted(signal)
      putOptions(engine, { ...options, kernels, threads: plan.threads }, source.size)
      engine.check(engine.wasm.tinyai_js_open(plan.headerBytes, reservedBytes), source.name)
      const missing = await getHelpers(engine, module, plan.threads - 1, host.startHelpers)
      const relaxed = file === binary.relaxed || file === binary.threaded?.relaxed
      return new Session(engine, source, traffic, host, {
        module: nameOf(file),
        kernelsReason: reason,
        known: options.kernels === 'auto' ? { kernels, reason, relaxed } : undefined,
        threadsReason: missing ?? reasonOf(threads, plan),
      })
    } catch (error) {
      await source.close()
      throw named(error, source.name)
    }
  }

  private constructor(
    engine: Engine,
    source: ByteSource,
    traffic: Traffic,
    events: SessionEvents,
    choice: Pick<Loaded, 'module' | 'kernelsReason' | 'known' | 'threadsReason'>,
  ) {
    this.#engine = engine
    this.#source = source
    this.#traffic = traffic
    this.#events = events
    this.#samplingPreset = engine.view(abi.Exchange.sampling, abi.Sampling.size).slice()
    this.#reader = new Reader(engine, source)
    this.#runner = new Runner(engine, this.#reader, source.name)
    this.#runner.onStep = () => this.#tellSometimes()
    // Reads ahead may end after the generation that started them.
    this.#reader.onAnswer = () => {
      if (!this.#running) this.#tellIfPossible()
    }
    const plan = readPlan(engine)
    this.loaded = {
      plan,
      name: source.name,
      wasmBytes: engine.memoryBytes,
      blockBytes: readBlockBytes(engine, plan.blocks),
      variant: 'inline',
      ...choice,
    }
  }

  // ---- operations ------------------------------------------------------------------------------

  async tokenize(text: string, flags: TextFlags, signal: AbortSignal): Promise<number[]> {
    return await this.#guard(() => tokenize(this.#engine, text, flags, this.#source.name, signal))
  }

  async detokenize(ids: number[], signal: AbortSignal): Promise<string> {
    return await this.#guard(() => detokenize(this.#engine, ids, this.#source.name, signal))
  }

  /** Generates piece by piece; computes only while the next piece is being asked for. */
  async *generate(
    prompt: string | number[],
    settings: GenerateSettings,
    signal: AbortSignal,
  ): AsyncGenerator<Piece, void, void> {
    const ids =
      typeof prompt === 'string' ? await this.#promptIds(prompt, settings, signal) : prompt
    this.#checkLength(ids.length, 'the prompt')
    await this.#begin(() => this.#beginGenerate(ids, settings))
    this.#promptMs = 0
    this.#generateMs = 0
    this.#seed = settings.seed
    let done = false
    try {
      for (let first = true; ; first = false) {
        const start = performance.now()
        const result = await this.#next(signal)
        const ms = performance.now() - start
        if (first) this.#promptMs += ms
        else this.#generateMs += ms
        await this.#guard(() => this.#tell())
        done = result === abi.STEP_DONE
        if (done) return
        if (result === abi.STEP_TOKEN) yield this.#piece()
      }
    } finally {
      await this.#end(done)
    }
  }

  /** The logits after the last id. */
  async logits(ids: number[], signal: AbortSignal): Promise<Float32Array> {
    this.#checkLength(ids.length, 'the list of ids')
    let logits = new Float32Array(0)
    await this.#batch(ids, ids.length - 1, signal, () => {
      const address = this.#engine.get(abi.Exchange.logits_address)
      const { vocabSize } = this.loaded.plan
      logits = new Float32Array(this.#engine.bytes.buffer, address, vocabSize).slice()
    })
    return logits
  }

  async perplexity(text: string, signal: AbortSignal): Promise<Perplexity> {
    const flags = { addSpecial: false, parseSpecial: false }
    const ids = await this.tokenize(text, flags, signal)
    const bos = this.#engine.get(abi.Exchange.bos_id)
    const stride = this.loaded.plan.contextLength - 1
    let nll = 0
    let tokens = 0
    // Without BOS the token before a window takes its place, and the very first token is not predicted.
    for (let start = bos === NO_BOS ? 1 : 0; stride > 0 && start < ids.length; start += stride) {
      const targets = ids.slice(start, start + stride)
      const front = bos === NO_BOS ? (ids[start - 1] ?? 0) : bos
      let index = 0 // of the target that the next logits predict
      await this.#batch([front, ...targets.slice(0, -1)], 0, signal, () => {
        nll += this.#engine.wasm.tinyai_js_logits_nll(targets[index++] ?? 0)
      })
      tokens += targets.length
    }
    if (tokens === 0) {
      throw new TinyAIError(
        'E_TEXT',
        'there is nothing to predict: the text is empty, or one token',
      )
    }
    return { perplexity: Math.exp(nll / tokens), nll, tokens }
  }

  // ---- beside them: each within one turn of the event loop, so between two steps ----------------

  /** Moves to another budget; the plan is then another one. One change after the other. */
  async setBudget(bytes: number, signal: AbortSignal): Promise<Plan> {
    const change = this.#budgetSet.then(() => this.#guard(() => this.#setBudget(bytes, signal)))
    this.#budgetSet = change.catch(() => {})
    return await change
  }

  async #setBudget(bytes: number, signal: AbortSignal): Promise<Plan> {
    throwIfAborted(signal)
    const engine = this.#engine
    const { name } = this.#source
    const room = this.#room() // nothing may fail once it is done
    const set = () => engine.wasm.tinyai_js_set_budget(bytes)
    let result = set()
    // Reads under way hold memory that must be given back: they are waited for, and nothing is read anew.
    if (result === abi.STEP_NEED) result = await this.#runner.quietly(set, signal)
    if (result === abi.STATUS.E_BUDGET) throw newBudgetError(this.loaded.plan, bytes, name)
    if (engine.check(result, name) !== abi.STATUS.OK) {
      throw new TinyAIError('E_INTERNAL', `${name}: the engine waits for reads that have ended`)
    }
    const plan = readPlan(engine)
    this.loaded = { ...this.loaded, plan }
    this.#tell(room)
    return plan
  }

  async schedule(): Promise<ScheduleStep[]> {
    return await this.#guard(() => readSchedule(this.#engine))
  }

  async memoryReport(format: 'text' | 'json'): Promise<string> {
    return await this.#guard(() => readReport(this.#engine, format === 'json'))
  }

  /** Sends helpers away and gives back what the source holds; the memory goes with the last reference to the instance. */
  async close(): Promise<void> {
    if (!this.#broken) await this.#runner.end()
    this.#engine.wasm.tinyai_js_stop_helpers?.() // safe after a trap as well: it sets a flag and wakes them
    await this.#source.close()
  }

  async snapshot(): Promise<Snapshot> {
    return await this.#guard(() => this.#snapshot(this.#room()))
  }

  #room(): SnapshotRoom {
    return snapshotRoom(this.loaded.plan.blocks)
  }

  #snapshot({ stats, blocks }: SnapshotRoom): Snapshot {
    const engine = this.#engine
    engine.wasm.tinyai_js_stats()
    stats.set(engine.view(abi.Exchange.stats, abi.Stats.size))
    readStates(engine, blocks)
    const { requests, fetchedBytes, jsBytes, jsPeakBytes } = this.#traffic
    return {
      ...{ stats, blocks, requests, fetchedBytes, jsBytes, jsPeakBytes },
      stalledMs: this.#runner.stalledMs,
      promptMs: this.#promptMs,
      generateMs: this.#generateMs,
      seed: this.#seed,
      weightsRead: this.#weightsRead,
      grown: this.#engine.grown,
    }
  }

  // ---- parts of them ---------------------------------------------------------------------------

  /** Ids of a prompt; one that is hopelessly long is not even tokenized. */
  #promptIds(prompt: string, flags: TextFlags, signal: AbortSignal): Promise<number[]> {
    const { contextLength } = this.loaded.plan
    if (prompt.length <= contextLength * MOST_TOKEN_CHARACTERS)
      return this.tokenize(prompt, flags, signal)
    const message = `the prompt has ${prompt.length} characters, far more than a context of ${contextLength} tokens holds: shorten it`
    throw new TinyAIError('E_CONTEXT', message)
  }

  #checkLength(count: number, what: string): void {
    const { contextLength, modelContext } = this.loaded.plan
    if (count === 0)
      throw new TinyAIError('E_ARGUMENT', `${what} is empty: at least one token is needed`)
    if (count <= contextLength) return
    const longer =
      modelContext > contextLength
        ? `, or raise contextLength (the model's own is ${modelContext})`
        : ''
    const message = `${what} has ${count} tokens, the context holds ${contextLength}: shorten it${longer}`
    throw new TinyAIError('E_CONTEXT', message, {
      asked: count,
      allowed: contextLength,
      missing: count - contextLength,
    })
  }

  #beginGenerate(ids: number[], settings: GenerateSettings): number {
    const engine = this.#engine
    const sampling = engine.address(abi.Exchange.sampling)
    const set = (field: Field, value: number | undefined) => {
      if (value !== undefined) engine.set(field, value, sampling)
    }
    engine.bytes.set(this.#samplingPreset, sampling)
    set(abi.Sampling.temperature, settings.temperature)
    set(abi.Sampling.top_p, settings.topP)
    set(abi.Sampling.min_p, settings.minP)
    set(abi.Sampling.repeat_penalty, settings.repeatPenalty)
    set(abi.Sampling.top_k, settings.topK)
    set(abi.Sampling.repeat_last_n, settings.repeatLastN)
    set(abi.Sampling.seed, settings.seed)
    engine.set(abi.Exchange.max_tokens, settings.maxTokens)
    engine.set(abi.Exchange.ignore_eos, Number(settings.ignoreEos))
    engine.set(abi.Exchange.n_stop, settings.stop.length)
    putStops(engine, settings.stop)
    putIds(engine, ids)
    return engine.wasm.tinyai_js_begin_generate(ids.length)
  }

  /** One forward pass over ids from an empty context; onLogits for each position from firstWanted on. */
  async #batch(
    ids: number[],
    firstWanted: number,
    signal: AbortSignal,
    onLogits: () => void,
  ): Promise<void> {
    const address = this.#engine.get(abi.Exchange.batch_address)
    const items = new Uint32Array(this.#engine.bytes.buffer, address, 4 * ids.length)
    ids.forEach((token, position) => {
      items.set([token, position, 0, position >= firstWanted ? 1 : 0], 4 * position)
    })
    await this.#begin(() => this.#engine.wasm.tinyai_js_begin_batch(ids.length))
    let done = false
    try {
      while (!done) {
        const result = await this.#next(signal)
        if (result === abi.STEP_LOGITS) onLogits()
        done = result === abi.STEP_DONE
      }
    } finally {
      await this.#end(done)
    }
  }

  async #begin(begin: () => number): Promise<void> {
    this.#reader.failure = undefined
    await this.#guard(() => this.#engine.check(begin(), this.#source.name))
    this.#running = true
  }

  async #next(signal: AbortSignal): Promise<number> {
    const result = await this.#guard(() => this.#runner.next(signal))
    this.#weightsRead = true
    return result
  }

  /** done: the engine has ended by itself; reads ahead that are under way may then go on for the next time. */
  async #end(done: boolean): Promise<void> {
    this.#running = false
    if (this.#broken) return
    await this.#guard(async () => {
      if (!done) await this.#runner.end()
      this.#tell()
    })
  }

  #piece(): Piece {
    const engine = this.#engine
    const address = engine.get(abi.Exchange.piece_address)
    const bytes = engine.get(abi.Exchange.piece_bytes)
    return { text: readText(engine, address, bytes), id: engine.get(abi.Exchange.piece_id) }
  }

  /** Names what goes wrong. After a trap the engine is in no state to go on, or to be asked anything. */
  async #guard<T>(call: () => T | Promise<T>): Promise<T> {
    if (this.#broken) throw this.#broken
    try {
      return await call()
    } catch (error) {
      const known = named(error, this.#source.name)
      if (error instanceof WebAssembly.RuntimeError) this.#broken = known
      throw known
    }
  }

  #tell(room = this.#room()): void {
    this.#lastSnapshot = performance.now()
    this.#events.onSnapshot(this.#snapshot(room))
  }

  /** On the way: what cannot be told for want of a buffer will be told by the next one. */
  #tellIfPossible(): void {
    try {
      this.#tell()
    } catch (error) {
      if (!isNoMemory(error)) throw error
    }
  }

  #tellSometimes(): void {
    if (performance.now() - this.#lastSnapshot >= SNAPSHOT_MS) this.#tellIfPossible()
  }
}

/** The module, with helpers if it may have some. */
async function chooseModules(
  binary: WasmBinary,
  options: EngineOptions,
  known: KnownKernels | undefined,
): Promise<ChosenModule & { threads: ThreadsChoice }> {
  let copied: string | undefined
  if (binary.threaded) {
    const threads = await chooseThreads(options.threads, true)
    try {
      if (threads.threads > 1) {
        return { ...(await chooseModule(binary.threaded, options.kernels, known)), threads }
      }
      return { ...(await chooseModule(binary, options.kernels, known)), threads }
    } catch (error) {
      if (threads.threads === 1 || isNoMemory(error)) throw error
      copied = messageOf(error) // somebody copied one file where there are more by now
    }
  }
  const chosen = await chooseModule(binary, options.kernels, known)
  const threads = await chooseThreads(options.threads, isThreaded(chosen.module))
  return { ...chosen, threads: copied ? { ...threads, reason: copied } : threads }
}

function reasonOf({ threads, reason }: ThreadsChoice, plan: Plan): string | null {
  if (plan.threads === threads) return reason
  return `the memory budget has no room for ${threads} threads`
}

/** A trap of the engine or a mistake of ours, as an error with a code. */
function named(error: unknown, name: string): unknown {
  if (error instanceof TinyAIError || isAbort(error)) return error
  if ((error as Error | undefined)?.name === 'TimeoutError') return error // of AbortSignal.timeout
  if (isNoMemory(error)) return noMemory(error, name)
  const message = `${name}: ${messageOf(error)}; please report this`
  return new TinyAIError('E_INTERNAL', message, { url: name, cause: error })
}

/** The module and the source, or neither: a source that opened is closed when the module fails. */
async function bothOrNone<T>(
  module: Promise<T>,
  source: Promise<ByteSource>,
): Promise<[T, ByteSource]> {
  const results = await Promise.allSettled([module, source])
  if (results[0].status === 'fulfilled' && results[1].status === 'fulfilled') {
    return [results[0].value, results[1].value]
  }
  if (results[1].status === 'fulfilled') await results[1].value.close()
  const failed = results.find((result) => result.status === 'rejected')
  throw named((failed as PromiseRejectedResult).reason, 'the model')
}
