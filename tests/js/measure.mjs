// Run by responsiveness.test.mjs with --expose-gc: loads a model, generates, and prints what that did to this process.
import { fork } from 'node:child_process'
import { openAsBlob } from 'node:fs'
import { basename, dirname } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { load } from '../../dist/index.js'

const { source, options, promptTokens, maxTokens, measureBuffers } = JSON.parse(process.argv[2])

/** Serves a folder from another process, whose buffers are not ours. */
async function serveElsewhere(path) {
  const child = fork(fileURLToPath(new URL('serve-child.mjs', import.meta.url)), [dirname(path)])
  const url = await new Promise((resolve) => child.once('message', resolve))
  return { url: new URL(basename(path), url), stop: () => child.kill() }
}

const server = source.url && (await serveElsewhere(source.url))
const given = server
  ? server.url
  : source.blob
    ? await openAsBlob(source.blob)
    : pathToFileURL(source.path)

/** All WebAssembly memories that are still there, that of the planning included. */
const memories = []
WebAssembly.Memory = class extends WebAssembly.Memory {
  constructor(descriptor) {
    super(descriptor)
    memories.push(new WeakRef(this))
  }
}
const wasmBytes = () =>
  memories.reduce((sum, one) => sum + (one.deref()?.buffer.byteLength ?? 0), 0)

// A first read through the same machinery, so that what Node itself keeps is not counted.
if (server) await (await fetch(server.url, { headers: { Range: 'bytes=0-9' } })).arrayBuffer()
gc()
const base = process.memoryUsage()

let bufferPeak = 0
/** Only what is in use: garbage is collected first. */
function sample() {
  gc()
  gc() // a buffer is counted until the collection after the one that found it free
  const { arrayBuffers, external } = process.memoryUsage()
  const wasm = wasmBytes()
  // arrayBuffers is a part of external; a WebAssembly memory is in one or both of them.
  const outside = external - base.external - wasm
  bufferPeak = Math.max(bufferPeak, outside, arrayBuffers - base.arrayBuffers - wasm)
}

let model
const delay = monitorEventLoopDelay({ resolution: 1 })
const sampler = measureBuffers ? setInterval(sample, 20) : undefined
model = await load(given, options)
const ids = Array.from({ length: promptTokens }, (_, i) => (i === 0 ? 1 : 300 + i))
delay.enable()
let tokens = 0
const settings = { maxTokens, temperature: 0, ignoreEos: true }
for await (const _ of model.generate(ids, settings)) tokens++
delay.disable()
if (measureBuffers) sample()
clearInterval(sampler)
const ms = (ns) => Number((ns / 1e6).toFixed(1))
const { memory, speed } = model.stats()
await model.close()
server?.stop()
console.log(
  JSON.stringify({
    tokens,
    delayMs: { p50: ms(delay.percentile(50)), p99: ms(delay.percentile(99)), max: ms(delay.max) },
    bufferPeak,
    memory,
    speed,
  }),
)
