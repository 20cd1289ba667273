// The calling thread stays responsive while a model of 135M parameters takes in a prompt and generates, and the
// JavaScript buffers outside of the WebAssembly memory stay small.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { model135m } from './models.mjs'

const MB = 2 ** 20
const script = fileURLToPath(new URL('measure.mjs', import.meta.url))

/** Runs measure.mjs in a process of its own. */
async function measure(what) {
  const args = ['--expose-gc', script, JSON.stringify(what)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: MB })
  return JSON.parse(stdout)
}

describe('the event loop of the calling thread', () => {
  for (const worker of [true, false]) {
    test(`${worker ? 'with a worker' : 'without one'}: delays of at most 50 ms (99 %)`, async () => {
      const path = model135m()
      const options = { contextLength: 256, worker }
      const result = await measure({ source: { path }, options, promptTokens: 200, maxTokens: 20 })
      assert.equal(result.tokens, 20)
      assert.ok(result.delayMs.p99 <= 50, JSON.stringify(result.delayMs))
    })
  }
})

describe('JavaScript buffers outside of the WebAssembly memory', () => {
  for (const kind of ['path', 'url', 'blob']) {
    test(`from a ${kind}: at most 8 MiB, and stats() tells how many`, async () => {
      const path = model135m()
      const options = { contextLength: 64, memoryBudget: 24 * MB, worker: false }
      const result = await measure({
        source: { [kind]: path },
        options,
        promptTokens: 20,
        measureBuffers: true,
        maxTokens: 5,
      })
      assert.ok(result.bufferPeak <= 8 * MB, `measured: ${result.bufferPeak}`)
      assert.ok(result.memory.jsPeakBytes <= 8 * MB, `told: ${result.memory.jsPeakBytes}`)
      assert.ok(result.memory.jsPeakBytes > 0)
      assert.equal(result.memory.jsBytes, 0)
    })
  }
})
