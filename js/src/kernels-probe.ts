// Kernels on trial in a throw-away instance with a small memory of its own: wasm/probe.h. The instances of a module share
// its code, so what the engine's compiler makes of the kernels here serves the model too.
import * as abi from './abi.js'
import { Engine } from './engine.js'
import type { Tier } from './types.js'

/** The number that each tier has in the C interface. */
export const TIERS: Readonly<Record<Tier, number>> = {
  scalar: abi.KERNELS_SCALAR,
  simd128: abi.KERNELS_SIMD128,
  relaxed16: abi.KERNELS_RELAXED16,
  relaxed32: abi.KERNELS_RELAXED32,
}

export function tierOf(number: number): Tier {
  const names = Object.keys(TIERS) as Tier[]
  return names.find((name) => TIERS[name] === number) ?? 'scalar'
}

/** What is asked about the tiers of a module. */
export interface KernelsProbe {
  /** Whether the module has the tier. */
  has(tier: Tier): boolean
  /** What is wrong about its values; undefined: they are those of the definition. */
  wrong(tier: Tier): string | undefined
  /** Computes the product that is timed so many times; how many of its numbers are wrong. */
  run(tier: Tier, times: number): number
}

/** Multiply-adds of the product that is timed. */
export const PROBE_WORK = abi.PROBE_ROWS * abi.PROBE_COLUMNS

export class EngineProbe implements KernelsProbe {
  readonly #engine: Engine
  #begun = false

  static async create(module: WebAssembly.Module): Promise<EngineProbe> {
    return new EngineProbe(await Engine.create(module, abi.PROBE_BYTES))
  }

  private constructor(engine: Engine) {
    this.#engine = engine
  }

  has(tier: Tier): boolean {
    return this.#engine.wasm.tinyai_js_probe_has(TIERS[tier]) === 1
  }

  wrong(tier: Tier): string | undefined {
    this.#begun = false
    const status = this.#engine.wasm.tinyai_js_probe_values(TIERS[tier])
    return status === abi.STATUS.OK ? undefined : this.#engine.errorText(status)
  }

  run(tier: Tier, times: number): number {
    const { wasm } = this.#engine
    if (!this.#begun) wasm.tinyai_js_probe_begin()
    this.#begun = true
    return wasm.tinyai_js_probe_run(TIERS[tier], times)
  }
}
