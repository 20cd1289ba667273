#!/usr/bin/env node
// `npm run bench`: tokens per second of this engine in Node beside native llama.cpp on the same machine, in the same
// minutes, on the same tokens. Prints a table and writes docs/performance.md and docs/performance.json. Then the memory
// part: bench/memory.mjs. `--quick`: one short round, nothing written.
//
// With `--peers`: other hosts and engines, see peers/peers.mjs.
//   npm run bench -- --peers [--quick] [--only WORDS] [--fresh] [--kv f32|f16|q8]
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeModel } from '../tests/models/make-model.mjs'
import { writeJson, writeSection } from './docs.mjs'
import { measureInNode } from './in-node.mjs'
import { PeerUnavailable } from './llama-cpp.mjs'
import { measureMemory } from './memory.mjs'
import { measurePeer, preparePeer } from './peer-llama.mjs'
import { comparePeers } from './peers/peers.mjs'
import { commitOf, machineOf, ROOT } from './place.mjs'
import { markdownTable } from './table.mjs'

const CACHE = join(ROOT, 'build', 'bench')
const GENERATE = 64
const LOAD = { memoryBudget: '512MB', threads: 1, kernels: 'auto', kv: 'f16' } // all resident
const PHASES = ['prefill', 'decode']

/** The models: the bundled one has a context of 512, so its prompt is shorter. */
function prepareModels() {
  mkdirSync(CACHE, { recursive: true })
  const random = (type) => {
    const path = join(CACHE, `135m-${type}.gguf`)
    makeModel(path, { shape: '135m', type }) // takes seconds: never a stale one
    return { name: `135M ${type}`, path, prompt: 256 }
  }
  const storyteller = join(ROOT, 'models', 'storyteller', 'storyteller-q8_0.gguf')
  return [
    { name: 'storyteller Q8_0', path: storyteller, prompt: 128 },
    random('Q4_0'),
    random('Q8_0'),
  ]
}

/** The faster of two measurements, phase by phase. */
function better(a, b) {
  if (!a) return b
  const best = { ...b }
  for (const phase of PHASES) best[`${phase}_tps`] = Math.max(a[`${phase}_tps`], b[`${phase}_tps`])
  return best
}

/** Interleaved, so that a slow minute of the machine hits both: round by round, model by model, ours then theirs. */
function measureAll(models, { rounds, repeats, peer }) {
  for (let round = 1; round <= rounds; round++) {
    for (const model of models) {
      process.stderr.write(`bench: round ${round} of ${rounds}, ${model.name}\n`)
      const counts = { prompt: model.prompt, generate: GENERATE, repeats }
      model.ours = better(model.ours, measureInNode(process.execPath, model.path, LOAD, counts))
      if (!peer) continue
      model.native = better(
        model.native,
        measurePeer(model.path, { ...counts, threads: 1, ids: model.ours.prompt_ids }),
      )
    }
  }
}

/** How many of the greedy tokens are the same before the first that differs: were the same sums computed? */
function sameTokens({ ours, native }) {
  const at = ours.ids.findIndex((id, i) => id !== native.ids[i])
  return at < 0 ? ours.ids.length : at
}

const rate = (value) => (value < 100 ? value.toFixed(1) : value.toFixed(0))

/** [model, phase, ours, native, ours / native] for each model and phase. */
function rowsOf(models) {
  return models.flatMap((model) =>
    PHASES.map((phase) => {
      const ours = model.ours[`${phase}_tps`]
      const native = model.native?.[`${phase}_tps`]
      const tokens = phase === 'prefill' ? model.prompt : GENERATE
      const theirs = native ? [rate(native), (ours / native).toFixed(2)] : ['-', '-']
      return [model.name, `${phase}, ${tokens} tokens`, rate(ours), ...theirs]
    }),
  )
}

function tableOf(models) {
  const rows = [['model', 'phase', 'TinyAI, tokens/s', 'llama.cpp, tokens/s', 'ratio']]
  rows.push(...rowsOf(models))
  return markdownTable(rows, 2)
}

function factsOf(models, { rounds, repeats }) {
  const [{ ours, native }] = models
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commitOf(),
    command: 'npm run bench',
    machine: machineOf(),
    tinyai: `Node ${process.version}, kernels ${ours.kernels}, ${ours.threads} thread`,
    llamaCpp: `${native.llama_cpp} of ${native.version}, ${native.threads} thread, ${native.cpu.replace(/ = 1/g, '').replace(/[\s|]+$/, '')}`,
    method: `one thread, KV F16, greedy, all weights resident; the best of ${rounds} interleaved rounds of ${repeats} runs after a warm-up; the same prompt tokens for both`,
  }
}

function writeDocs(models, facts) {
  const same = models.map((m) => `${m.name} ${sameTokens(m)} of ${GENERATE}`).join(', ')
  const text = `
${tableOf(models)}

ratio = TinyAI / native llama.cpp; above 1 TinyAI is faster.

- Date: ${facts.date}, commit ${facts.commit}
- Machine: ${facts.machine}
- TinyAI: ${facts.tinyai}
- llama.cpp: ${facts.llamaCpp}
- Method: ${facts.method}
- Greedy tokens that are the same before the first difference: ${same}. The two round
  differently, so they part sooner or later where the best two logits are close, as they often are on random weights.

storyteller is the bundled model (3.5 M parameters). 135M is a shape with random weights: 30 blocks, 576 wide, 9/3 heads,
1536 FFN, 49152 tokens, tied head (\`tests/models/make-model.mjs --shape 135m\`).

`
  const results = models.map(({ name, ours, native, ...rest }) => {
    const round = (value) => Math.round(value * 100) / 100
    const speeds = (m) => ({ prefill: round(m.prefill_tps), decode: round(m.decode_tps) })
    return {
      model: name,
      promptTokens: rest.prompt,
      generatedTokens: GENERATE,
      tinyaiTokensPerSecond: speeds(ours),
      llamaCppTokensPerSecond: speeds(native),
      ratio: {
        prefill: round(ours.prefill_tps / native.prefill_tps),
        decode: round(ours.decode_tps / native.decode_tps),
      },
      tinyaiPeakBytes: ours.peak_bytes,
      sameTokens: sameTokens({ ours, native }),
    }
  })
  writeSection('performance.md', 'bench', text)
  writeJson('performance.json', { ...facts, results })
}

/** Fetches and builds the peer; false, with the reason on stderr, where that is not possible. */
function havePeer() {
  try {
    preparePeer()
    return true
  } catch (error) {
    if (!(error instanceof PeerUnavailable)) throw error
    console.error(`bench: native llama.cpp is not available here: ${error.message}`)
    console.error('bench: measuring TinyAI alone; docs/performance.md stays as it is')
    return false
  }
}

async function compareWithNative(quick) {
  const settings = { rounds: quick ? 1 : 3, repeats: quick ? 1 : 2, peer: havePeer() }
  const models = prepareModels()
  measureAll(models, settings)
  console.log(tableOf(models))
  if (settings.peer) {
    const facts = factsOf(models, settings)
    for (const [name, value] of Object.entries(facts)) console.log(`${name}: ${value}`)
    if (!quick) {
      writeDocs(models, facts)
      console.log('written: docs/performance.md, docs/performance.json')
    }
  }
  measureMemory({ quick })
}

try {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean' },
      peers: { type: 'boolean' },
      only: { type: 'string' },
      fresh: { type: 'boolean' },
      kv: { type: 'string' },
    },
  })
  const complete = values.peers ? await comparePeers(values) : await compareWithNative(values.quick)
  if (complete === false)
    throw new Error('some measurements failed, or the logits differ; see above')
} catch (error) {
  console.error(`bench: ${error.message}`)
  process.exitCode = 1
}
