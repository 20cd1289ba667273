// Multiply-adds per second of each weight type: node bench/kernels.mjs [module.wasm] [rows] [k]
// The module is the emscripten build of bench/kernels.c with the kernels; it imports env.memory.
import { readFileSync } from 'node:fs'

const [file = 'build/emscripten/tinyai-kernels-bench.wasm', rows = '1024', k = '2048'] = process.argv.slice(2)
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

// One case, warm: V8 compiles a function again once it is hot.
async function prepare(type, [, tier, tokens]) {
    const memory = new WebAssembly.Memory({ initial: 64, maximum: 16384 })
    const wasm = new WebAssembly.Instance(module, { env: { memory } }).exports
    const n_rows = Math.max(16, Math.ceil(rows / tokens)) // short runs: the best of them is not disturbed
    const args = [tier, types[type], n_rows, +k, tokens]
    const missing = wasm.bench_prepare(...args) - memory.buffer.byteLength
    if (missing > 0) {
        memory.grow(Math.ceil(missing / 65536))
        wasm.bench_prepare(...args)
    }
    for (let i = 0; i < 50; i++) wasm.bench_matmul()
    await new Promise((resolve) => setTimeout(resolve, 20))
    return { run: wasm.bench_matmul, work: n_rows * k * tokens, best: Infinity }
}

console.log(`G multiply-adds/s, ${rows} rows of ${k} (fewer for many tokens), one thread, Node ${process.version}`)
console.log('type    ' + columns.map(([name]) => name.padEnd(8)).join(''))
for (const type of only) {
    const cells = []
    for (const column of columns) cells.push(await prepare(type, column))
    for (let round = 0; round < 100; round++)
        for (const cell of cells)
            for (let i = 0; i < 3; i++) {
                const start = performance.now()
                cell.run()
                cell.best = Math.min(cell.best, performance.now() - start)
            }
    console.log(type.padEnd(8) + cells.map((c) => (c.work / c.best / 1e6).toFixed(1).padEnd(8)).join(''))
}
