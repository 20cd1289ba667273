// Multiply-adds per second of each weight type: node bench/kernels.mjs [module.wasm] [rows] [k]
// The module is the emscripten build of bench/kernels.c with the kernels; it imports env.memory.
import { readFileSync } from 'node:fs'

const [file = 'build/emscripten/tinyai-kernels-bench.wasm', rows = '1024', k = '2048'] =
  process.argv.slice(2)
const types = { F32: 0, F16: 1, BF16: 30, Q8_0: 8, Q4_0: 2, Q5_0: 6, Q4_K: 12, Q6_K: 14 }
const only = process.env.TYPES?.split(',').filter(Boolean) ?? Object.keys(types)
const columns = [
  ['scalar', 0, 1],
  ['decode', 1, 1],
  ['4 tok', 1, 4],
  ['8 tok', 1, 8],
  ['64 tok', 1, 64],
]
const module = new WebAssembly.Module(readFileSync(file))

// A new instance in which `prepare` (an export that tells the bytes it needs) has run.
function instance(prepare, args) {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 16384 })
  const wasm = new WebAssembly.Instance(module, { env: { memory } }).exports
  const missing = wasm[prepare](...args) - memory.buffer.byteLength
  if (missing > 0) {
    memory.grow(Math.ceil(missing / 65536))
    wasm[prepare](...args)
  }
  return wasm
}

// V8 compiles a function again once it is hot.
async function warm(run, work) {
  for (let i = 0; i < 50; i++) run()
  await new Promise((resolve) => setTimeout(resolve, 20))
  return { run, work, best: Infinity }
}

function matmul(type, [, tier, tokens]) {
  const n_rows = Math.max(16, Math.ceil(rows / tokens)) // short runs: the best of them is not disturbed
  const wasm = instance('bench_prepare', [tier, types[type], n_rows, +k, tokens])
  return warm(wasm.bench_matmul, n_rows * k * tokens)
}

function attend([tier, kv, head_dim, heads, positions, tokens]) {
  const args = [tier, kv, head_dim, heads, positions, tokens]
  const wasm = instance('bench_prepare_attend', args)
  return warm(wasm.bench_attend, 2 * head_dim * heads * tokens * (positions - (tokens - 1) / 2))
}

function simple([tier, op, kv, n]) {
  const wasm = instance('bench_prepare_simple', [tier, op, kv, n])
  return warm(() => {
    for (let i = 0; i < 100; i++) wasm.bench_simple()
  }, n * 100)
}

async function line(name, cells, width = 8) {
  const cases = []
  for (const cell of cells) cases.push(await cell)
  for (let round = 0; round < 100; round++)
    for (const one of cases)
      for (let i = 0; i < 3; i++) {
        const start = performance.now()
        one.run()
        one.best = Math.min(one.best, performance.now() - start)
      }
  console.log(
    name.padEnd(8) + cases.map((c) => (c.work / c.best / 1e6).toFixed(1).padEnd(width)).join(''),
  )
}

console.log(
  `G multiply-adds/s, ${rows} rows of ${k} (fewer for many tokens), one thread, Node ${process.version}`,
)
console.log(`        ${columns.map(([name]) => name.padEnd(8)).join('')}`)
for (const type of only)
  await line(
    type,
    columns.map((column) => matmul(type, column)),
  )

const kvTypes = { F32: 0, F16: 1, Q8: 2 }
const shapes = [
  [7, 256, 1],
  [7, 2048, 1],
  [3, 256, 1],
  [3, 2048, 1],
  [1, 2048, 1],
  [3, 256, 8],
  [3, 2048, 8],
  [7, 2048, 8],
]
const shapeNames = shapes.map(([heads, depth, tokens]) => `${heads}/${depth}/${tokens}`.padEnd(10))
console.log('attention, heads of 64 channels: heads that share / depth / tokens')
console.log(`        ${shapeNames.join('')}`)
for (const [name, kv] of Object.entries(kvTypes))
  await line(
    name,
    shapes.map(([heads, depth, tokens]) => attend([1, kv, 64, heads, depth, tokens])),
    10,
  )

console.log('values per ns: norm, add, SwiGLU, RoPE, KV F16, KV Q8')
await line(
  '',
  [
    [1, 0, 0, 576],
    [1, 1, 0, 576],
    [1, 2, 0, 1536],
    [1, 3, 0, 576],
    [1, 4, 1, 192],
    [1, 4, 2, 192],
  ].map(simple),
)
