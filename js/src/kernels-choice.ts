// Which kernels a host computes with. What it is called says nothing about that: what counts is whether it accepts relaxed
// SIMD, whether the values are right, and which tier is the fastest once the engine's compiler has done what it does.
import { turn } from './environment.js'
import { isNoMemory, messageOf, TinyAIError } from './errors.js'
import { EngineProbe, type KernelsProbe, PROBE_WORK } from './kernels-probe.js'
import { knowsRelaxedSimd } from './relaxed-probe.js'
import type { Kernels, Tier } from './types.js'
import { compile, nameOf, type WasmFile, type WasmModules } from './wasm-binary.js'

export interface KernelsChoice {
  kernels: Tier
  /** Why these, for people. */
  reason: string
}

/** A choice that was made before: for the next model, in whatever thread. */
export interface KnownKernels extends KernelsChoice {
  /** Whether they are those of the relaxed module. */
  relaxed: boolean
}

/** A module whose kernels are being chosen. */
export interface ChosenModule {
  module: WebAssembly.Module
  file: WasmFile
  /** Resolves once the kernels are known; nothing but opening the model needs them. */
  choice: Promise<KernelsChoice>
}

const RELAXED: readonly Tier[] = ['relaxed32', 'relaxed16']
/** Where two are as fast as each other, the first: it gains more in prompts, which are not timed. */
const CANDIDATES: readonly Tier[] = [...RELAXED, 'simd128']

/** The module to run a model with. What it is planned with does not matter: all modules plan alike. */
export async function chooseModule(
  binary: WasmModules,
  wanted: Kernels,
  known: KnownKernels | undefined,
): Promise<ChosenModule> {
  const forced = wanted === 'auto' ? undefined : wanted
  // A choice of the relaxed module says nothing to a caller who gave one without it.
  if (known && !forced && (binary.relaxed || !known.relaxed)) {
    const file = known.relaxed && binary.relaxed ? binary.relaxed : binary.module
    return { file, module: await compile(file), choice: Promise.resolve(known) }
  }
  const { relaxed } = binary
  if (!relaxed || (forced && !RELAXED.includes(forced))) {
    return await chosenIn(binary.module, forced)
  }
  if (!knowsRelaxedSimd()) {
    const why = 'this host does not know relaxed SIMD'
    if (forced) throw refused(forced, why)
    return await chosenIn(binary.module, undefined, why)
  }
  try {
    return await chosenIn(relaxed, forced)
  } catch (error) {
    if (forced || isNoMemory(error)) throw error
    // Somebody copied one file where there are two by now.
    const why = `${nameOf(relaxed)} cannot be used: ${messageOf(error)}`
    return await chosenIn(binary.module, undefined, why)
  }
}

/** why: what is known before anything is tried. */
async function chosenIn(
  file: WasmFile,
  forced: Tier | undefined,
  why?: string,
): Promise<ChosenModule> {
  const module = await compile(file)
  const choice = EngineProbe.create(module).then((probe) =>
    forced ? checkKernels(probe, forced) : chooseKernels(probe, why),
  )
  choice.catch(() => {}) // whoever opens the model awaits it, if it comes to that
  return { module, file, choice }
}

/** Asked for by name: they must be there, and right. */
export async function checkKernels(
  probe: KernelsProbe,
  kernels: Tier,
  clock = hostClock,
): Promise<KernelsChoice> {
  if (!probe.has(kernels)) throw refused(kernels, 'the module given does not have them')
  if (RELAXED.includes(kernels)) {
    const wrong = probe.wrong(kernels)
    if (wrong) throw refused(kernels, wrong)
    const [speed] = await timed(probe, [kernels], clock)
    if (speed && speed.wrong > 0) throw refused(kernels, wrongLater(kernels, speed))
  }
  return { kernels, reason: 'asked for' }
}

function refused(kernels: Tier, why: string): TinyAIError {
  const message = `kernels '${kernels}': ${why}; use 'auto', which takes the fastest that this host computes right with`
  return new TinyAIError('E_UNSUPPORTED', message)
}

function wrongLater(kernels: Tier, { wrong }: Speed): string {
  return `${kernels} kernels compute wrong values on this host once they are compiled for speed: ${wrong} numbers`
}

// ---- the fastest ---------------------------------------------------------------------------------

/** What a choice needs of its host; tests have their own. */
export interface Clock {
  now(): number
  /** Gives the event loop, and the compiler in its thread, a turn. */
  turn(): Promise<void>
}

const hostClock: Clock = { now: () => performance.now(), turn }

/** A slice is so long that reading the clock does not show, and at least so many of its ticks. */
const SLICE_MS = 0.3
const SLICE_TICKS = 4
const CALLS = 2
/**
 * Engines compile hot code a second time while it runs, at a time of their own: until nothing got faster for a while. Where
 * other programs take the processor, time says little: then rounds count.
 */
const LEAST_MS = 20
const SETTLED_ROUNDS = 6
const ENOUGH_MS = 60
const MOST_MS = 200
/** What counts as faster: more than noise, and more than a tick of the clock makes. */
const MARGIN = 0.07

export async function chooseKernels(
  probe: KernelsProbe,
  why?: string,
  clock = hostClock,
): Promise<KernelsChoice> {
  const reasons = why ? [why] : []
  const tiers: Tier[] = []
  for (const tier of CANDIDATES.filter((one) => probe.has(one))) {
    // Only relaxed instructions may differ from host to host.
    const wrong = RELAXED.includes(tier) ? probe.wrong(tier) : undefined
    if (wrong) reasons.push(wrong)
    else tiers.push(tier)
    await clock.turn()
  }
  const speeds = tiers.length > 1 ? await timed(probe, tiers, clock) : []
  const right = speeds.filter(({ wrong }) => wrong === 0)
  for (const speed of speeds.filter(({ wrong }) => wrong > 0)) {
    reasons.push(wrongLater(speed.tier, speed))
  }
  const most = Math.max(...right.map(({ rate }) => rate))
  const best = right.find(({ rate, margin }) => rate * (1 + margin) >= most)
  if (best) return { kernels: best.tier, reason: [told(best, right), ...reasons].join('; ') }
  const [kernels = 'scalar'] = speeds.length > 0 ? [] : tiers
  return { kernels, reason: reasons.join('; ') || 'the module has no faster ones' }
}

interface Speed {
  tier: Tier
  /** Calls per millisecond, at best. */
  rate: number
  /** By what share that may be wrong. */
  margin: number
  /** Numbers. */
  wrong: number
}

/** Interleaved, so that whatever else the machine does meets all of them. */
async function timed(probe: KernelsProbe, tiers: Tier[], clock: Clock): Promise<Speed[]> {
  const tick = tickOf(clock)
  const slice = Math.max(SLICE_MS, SLICE_TICKS * tick)
  // Slices begin and end with a tick; what is left of its length is the noise that some hosts add to it.
  const margin = MARGIN + tick / slice / 4
  const speeds = tiers.map((tier) => ({ tier, rate: 0, margin, wrong: 0 }))
  const start = clock.now()
  for (let round = 1, settled = 0; ; round++, settled++) {
    for (const speed of speeds) {
      const rate = sliceOf(probe, speed, slice, clock)
      if (rate > speed.rate * (1 + MARGIN)) settled = 0
      speed.rate = Math.max(speed.rate, rate)
      await clock.turn()
    }
    const ms = clock.now() - start
    const enough = ms > ENOUGH_MS && round >= SETTLED_ROUNDS
    if (enough || ms > MOST_MS || (ms > LEAST_MS && settled >= SETTLED_ROUNDS)) return speeds
  }
}

/** Calls per millisecond; from one tick of the clock to another. */
function sliceOf(probe: KernelsProbe, speed: Speed, slice: number, clock: Clock): number {
  const run = () => {
    speed.wrong += probe.run(speed.tier, CALLS)
    return clock.now()
  }
  const before = clock.now()
  let begin = run()
  while (begin === before) begin = run()
  let calls = CALLS
  let ms = run() - begin
  for (; ms < slice; calls += CALLS) ms = run() - begin
  return calls / ms
}

function tickOf(clock: Clock): number {
  const change = (from: number) => {
    let now = clock.now()
    while (now === from) now = clock.now()
    return now
  }
  const edge = change(clock.now())
  return change(edge) - edge
}

/** "relaxed32: 41 G multiply-adds/s, relaxed16 38, simd128 21" */
function told(best: Speed, all: Speed[]): string {
  const inG = ({ rate }: Speed) => Number(((rate * PROBE_WORK) / 1e6).toPrecision(2))
  const others = all.filter((speed) => speed !== best).map((one) => `, ${one.tier} ${inG(one)}`)
  return `${best.tier}: ${inG(best)} G multiply-adds/s${others.join('')}`
}
