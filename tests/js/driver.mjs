// Drives one engine through its exchange block, without workers, timers or promises in between: for tests that look at
// memory itself or count exactly. The model is in an array; reads are copies.

import { readFile } from 'node:fs/promises'
import * as abi from '../../dist/abi.js'
import { Engine } from '../../dist/engine.js'
import { putOptions, readPlan } from '../../dist/planner.js'
import { readStates } from '../../dist/snapshot.js'

const module = await WebAssembly.compile(
  await readFile(new URL('../../dist/tinyai.wasm', import.meta.url)),
)

/** options: as options.ts leaves them. */
export async function planFile(file, options) {
  const length = Math.min(file.length, 4 << 20)
  const engine = await Engine.create(module, 5 * length + (2 << 20))
  const header = engine.wasm.tinyai_js_program_bytes() >>> 0
  engine.bytes.set(file.subarray(0, length), header)
  putOptions(engine, options, file.length)
  const status = engine.wasm.tinyai_js_plan(header, length, engine.memoryBytes)
  engine.check(status, 'plan')
  return readPlan(engine)
}

export class Driver {
  /** fill: a byte that all memory has before the engine writes to it. */
  static async open(file, options, { fill } = {}) {
    const plan = await planFile(file, options)
    const { headerBytes, reservedBytes } = plan
    const engine = await Engine.create(module, reservedBytes)
    if (fill !== undefined) engine.bytes.fill(fill, engine.wasm.tinyai_js_program_bytes() >>> 0)
    const at = engine.wasm.tinyai_js_header_address(reservedBytes, headerBytes) >>> 0
    engine.bytes.set(file.subarray(0, headerBytes), at)
    putOptions(engine, options, file.length)
    engine.check(engine.wasm.tinyai_js_open(headerBytes, reservedBytes), 'open')
    return new this(engine, file, plan)
  }

  constructor(engine, file, plan) {
    this.engine = engine
    this.file = file
    this.plan = plan
    /** Bytes copied into the engine's memory. */
    this.bytesRead = 0
  }

  /** Yields after each generated token. */
  *generate(ids, { maxTokens }) {
    const { engine } = this
    const address = engine.get(abi.Exchange.ids_address)
    new Uint32Array(engine.bytes.buffer, address, ids.length).set(ids)
    engine.set(abi.Exchange.max_tokens, maxTokens)
    engine.set(abi.Exchange.ignore_eos, 1)
    engine.set(abi.Sampling.temperature, 0, engine.address(abi.Exchange.sampling))
    engine.check(engine.wasm.tinyai_js_begin_generate(ids.length), 'begin')
    for (;;) {
      const result = engine.check(engine.wasm.tinyai_js_step(1 << 20), 'step')
      if (result === abi.STEP_DONE) return
      if (result === abi.STEP_TOKEN) yield engine.get(abi.Exchange.piece_id)
      this.answerReads()
    }
  }

  answerReads() {
    const { engine } = this
    for (;;) {
      const count = engine.wasm.tinyai_js_take_ranges() >>> 0
      if (count === 0) return
      const ranges = Array.from({ length: count }, (_, i) => {
        const base = engine.address(abi.Exchange.ranges, abi.Range, i)
        const [id, offset, length, dest] = ['id', 'offset', 'length', 'dest'].map((name) =>
          engine.get(abi.Range[name], base),
        )
        return { id, offset, length, dest }
      })
      for (const { id, offset, length, dest } of ranges) {
        engine.bytes.set(this.file.subarray(offset, offset + length), dest)
        this.bytesRead += length
        engine.check(engine.wasm.tinyai_js_complete(id, 0, length), 'complete')
      }
    }
  }

  /** The engine's statistics by their C names; byPurpose is an array, logits_hash a BigInt. */
  stats() {
    const { engine } = this
    engine.wasm.tinyai_js_stats()
    const base = engine.address(abi.Exchange.stats)
    const { size, by_purpose, logits_hash, ...fields } = abi.Stats
    const entries = Object.entries(fields).map(([name, field]) => [name, engine.get(field, base)])
    const byPurpose = abi.PURPOSES.map((_, i) => engine.get(by_purpose, base, i))
    const hash = new DataView(engine.bytes.buffer, base + logits_hash.at)
    return { ...Object.fromEntries(entries), byPurpose, logits_hash: hash.getBigUint64(0, true) }
  }

  /** The state of each block, and 4 if it is pinned. */
  blockStates() {
    const states = new Uint8Array(this.plan.blocks)
    readStates(this.engine, states)
    return states
  }

  regions() {
    const { engine } = this
    const count = engine.wasm.tinyai_js_regions() >>> 0
    return Array.from({ length: count }, (_, i) => {
      const base = engine.address(abi.Exchange.regions, abi.Region, i)
      const get = (name) => engine.get(abi.Region[name], base)
      return { address: get('address'), bytes: get('bytes'), purpose: abi.PURPOSES[get('purpose')] }
    })
  }
}
