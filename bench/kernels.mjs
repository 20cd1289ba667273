// Multiply-adds per second of each weight type: node bench/kernels.mjs [module.wasm] [rows] [k]
// The module is the emscripten build of bench/kernels.c with the kernels; it imports env.memory.
import { readFileSync } from 'node:fs'

const [file = 'build/emscripten/tinyai-kernels-bench.wasm', rows = '1024', k = '2048'] =
  process.argv.slice(2)
const types = { F32: 0, F16: 1, BF16: 30, Q8_0: 8, Q4_0: 2, Q5_0: 6, Q4_K: 12, Q6_K: 14 }
const only = process.env.TYPES?.split(',') ?? Object.keys(types)
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

function attend([, tier, kv, head_dim, heads, positions]) {
  const wasm = instance('bench_prepare_attend', [tier, kv, head_dim, heads, positions])
  return warm(wasm.bench_attend, 2 * head_dim * heads * positions)
}

async function line(name, cells) {
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
    name.padEnd(8) + cases.map((c) => (c.work / c.best / 1e6).toFixed(1).padEnd(8)).join(''),
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

console.log(
  'attention of one token over 512 positions, heads of 64 channels\n        scalar  1 head  4 heads',
)
for (const [name, kv] of [
  ['F32', 0],
  ['F16', 1],
])
  await line(
    name,
    [
      ['', 0, kv, 64, 1, 512],
      ['', 1, kv, 64, 1, 512],
      ['', 1, kv, 64, 4, 512],
    ].map(attend),
  )
