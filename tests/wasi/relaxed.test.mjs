// The command with relaxed kernels: it chooses by itself, after it has looked at what the dot product gives.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { CASES, TOKENS } from '../conformance/cases.mjs'
import { root } from '../conformance/command.mjs'

function run({ model, prompt, options }, kernels) {
  const args = ['run', model, prompt, '--json', '--temperature', '0', '--ignore-eos']
  args.push('--max-tokens', TOKENS, '--context', options.contextLength, '--kernels', kernels)
  if (options.kv) args.push('--kv', options.kv)
  const env = { ...process.env, TINYAI_WASI_MODULE: 'tinyai-relaxed.wasm' }
  const text = execFileSync(join(root, 'tools/wasi-run'), args.map(String), { cwd: root, env })
  return JSON.parse(text).stats.engine
}

describe('tinyai-relaxed.wasm in wasmtime', () => {
  for (const one of CASES)
    test(`gives the same logits with all kernels: ${one.name}`, () => {
      for (const kernels of ['simd128', 'relaxed16', 'relaxed32', 'auto']) {
        const engine = run(one, kernels)
        assert.equal(engine.logitsHash, one.expected.logitsHash, kernels)
        assert.equal(engine.kernels, kernels === 'auto' ? 'relaxed16' : kernels)
      }
    })
})
