#!/usr/bin/env node
// Measures native llama.cpp on one model: builds and runs peer-llama.c.
//
//   node bench/peer-llama.mjs MODEL [--prompt 256] [--generate 64] [--depth 0] [--repeats 3] [--threads 1]
//                                                                                                -> one JSON line
import { spawnSync } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { buildWithLlamaCpp, PeerUnavailable, VERSION } from './llama-cpp.mjs'

const NUMBERS = ['prompt', 'generate', 'depth', 'repeats', 'threads']

let program // of this process, once it is built

/** Builds the program; a PeerUnavailable tells why that is not possible here. */
export function preparePeer() {
  program ??= buildWithLlamaCpp('peer-llama')
  return program
}

/**
 * Measures a model file: {prefill_tps, decode_tps, prompt_tokens, generated_tokens, threads, llama_cpp, cpu, version,
 * ids, margins}, and with a `depth` {deep_prefill_tps, deep_decode_tps}: the same behind that many tokens. `ids` in the
 * options are the prompt's tokens; without them they are spread over the vocabulary.
 */
export function measurePeer(
  model,
  { prompt = 256, generate = 64, depth = 0, repeats = 3, threads = 1, ids = [] } = {},
) {
  const { path, lib } = preparePeer()
  const args = [lib, model, prompt, generate, depth, repeats, threads].map(String)
  const done = spawnSync(path, args, { input: ids.join(' '), encoding: 'utf8', maxBuffer: 1 << 24 })
  const why = done.error?.message || `peer-llama ended by ${done.signal}`
  if (done.status !== 0) throw new Error((done.stderr ?? '').trim() || why)
  return { ...JSON.parse(done.stdout), version: `node-llama-cpp ${VERSION}` }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: Object.fromEntries(NUMBERS.map((name) => [name, { type: 'string' }])),
    })
    if (positionals.length !== 1)
      throw new Error(
        `usage: peer-llama.mjs MODEL ${NUMBERS.map((name) => `[--${name} N]`).join(' ')}`,
      )
    const counts = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, Number(value)]),
    )
    console.log(JSON.stringify(measurePeer(positionals[0], counts)))
  } catch (error) {
    const what = error instanceof PeerUnavailable ? 'native llama.cpp is not available here: ' : ''
    console.error(`${what}${error.message}`)
    process.exitCode = 1
  }
}
