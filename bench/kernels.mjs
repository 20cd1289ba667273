// Multiply-adds per second of each weight type: node bench/kernels.mjs [module.wasm] [rows] [k]
// The module is the emscripten build of bench/kernels.c with the kernels; it imports env.memory.
import { readFileSync } from 'node:fs'

const [file = 'build/emscripten/tinyai-kernels-bench.wasm', rows = '2048', k = '2048'] = process.argv.slice(2)
const types = { F32: 0, F16: 1, BF16: 30, Q8_0: 8, Q4_0: 2, Q5_0: 6, Q4_K: 12, Q6_K: 14 }
const only = process.env.TYPES?.split(',') ?? Object.keys(types)
const module = new WebAssembly.Module(readFileSync(file))

// V8 compiles a function again once it is hot: warm up, wait for that, then take the best of rounds.
async function seconds(run) {
    for (let i = 0; i < 30; i++) run()
    await new Promise((resolve) => setTimeout(resolve, 50))
    let best = Infinity
    for (const end = performance.now() + 400; performance.now() < end; ) {
        const start = performance.now()
        run()
        best = Math.min(best, performance.now() - start)
    }
    return best / 1000
}

async function measure(tier, type, tokens) {
    const memory = new WebAssembly.Memory({ initial: 64, maximum: 16384 })
    const wasm = new WebAssembly.Instance(module, { env: { memory } }).exports
    const args = [tier, types[type], +rows, +k, tokens]
    const missing = wasm.bench_prepare(...args) - memory.buffer.byteLength
    if (missing > 0) {
        memory.grow(Math.ceil(missing / 65536))
        wasm.bench_prepare(...args)
    }
    return (rows * k * tokens) / (await seconds(wasm.bench_matmul)) / 1e9
}

console.log(`G multiply-adds/s, ${rows} rows of ${k}, one thread, Node ${process.version}`)
console.log('type    scalar  decode  8 tok   64 tok')
for (const type of only) {
    const cells = [await measure(0, type, 1), await measure(1, type, 1), await measure(1, type, 8), await measure(1, type, 64)]
    console.log(type.padEnd(8) + cells.map((c) => c.toFixed(1).padEnd(8)).join(''))
}
