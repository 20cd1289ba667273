// The steps of a pass over the model, as the engine has scheduled them.
import * as abi from './abi.js'
import type { Engine } from './engine.js'
import { blockState } from './snapshot.js'
import type { ScheduleStep } from './types.js'

const KINDS: Record<number, ScheduleStep['kind']> = {
  [abi.UNIT_FINAL]: 'final',
  [abi.UNIT_BLOCK]: 'block',
  [abi.UNIT_HEAD]: 'head',
}
const DEPENDENCIES: Record<number, ScheduleStep['dependency']> = {
  [abi.DEP_NONE]: 'none',
  [abi.DEP_SEQUENTIAL]: 'sequential',
  [abi.DEP_RESIDUAL]: 'residual',
  [abi.DEP_ATTENTION]: 'attention',
}

export function readSchedule(engine: Engine): ScheduleStep[] {
  const steps: ScheduleStep[] = []
  for (let count: number = abi.EXCHANGE_STEPS; count === abi.EXCHANGE_STEPS; ) {
    count = engine.wasm.tinyai_js_schedule(steps.length) >>> 0
    for (let i = 0; i < count; i++) steps.push(readStep(engine, i, steps.length))
  }
  return steps
}

/** Step `index`, which is item `i` of the exchange block. */
function readStep(engine: Engine, i: number, index: number): ScheduleStep {
  const base = engine.address(abi.Exchange.steps, abi.ScheduleStep, i)
  const get = (field: { at: number; type: 'u32' | 'u64' }) => engine.get(field, base)
  const stepOrNull = (field: { at: number; type: 'u32' }) => {
    const value = get(field)
    return value === abi.NO_STEP ? null : value
  }
  const f = abi.ScheduleStep
  return {
    index,
    kind: KINDS[get(f.kind)] ?? 'block',
    unit: get(f.index),
    bytes: get(f.bytes),
    dependsOn: stepOrNull(f.depends_on),
    dependency: DEPENDENCIES[get(f.dependency)] ?? 'none',
    slot: stepOrNull(f.slot),
    pinned: get(f.pinned) !== 0,
    state: blockState(get(f.state)),
    prefetch: stepOrNull(f.prefetch),
  }
}
