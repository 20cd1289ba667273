// Multiply-adds per second of the kernels alone: node bench/kernels.mjs [--quick] [--types Q4_0,…] [--shapes ROWSxK,…]
// All tiers that this engine has, with 1 and 64 tokens, and attention. Where ../shared/prototype is there and emcc is on
// the PATH, its kernels run in the same turns: the line "of the prototype" is our share of their speed.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    types: { type: 'string' },
    shapes: { type: 'string' },
    tiers: { type: 'string' },
    tokens: { type: 'string', default: '1,64' },
  },
})
const root = new URL('..', import.meta.url).pathname
const types = { Q4_0: 2, Q4_1: 3, Q5_0: 6, Q5_1: 7, Q8_0: 8, IQ4_NL: 20 }
Object.assign(types, { Q2_K: 10, Q3_K: 11, Q4_K: 12, Q5_K: 13, Q6_K: 14, IQ4_XS: 23 })
Object.assign(types, { F32: 0, F16: 1, BF16: 30 })
const allTiers = { simd128: 1, relaxed16: 3, relaxed32: 4 }
const tiers = options.tiers?.split(',') ?? Object.keys(allTiers)
const names = options.types?.split(',') ?? Object.keys(types)
const shapes = (options.shapes ?? '1024x2048')
  .split(',')
  .map((shape) => shape.split('x').map(Number))
const tokens = options.tokens.split(',').map(Number)
const rounds = options.quick ? 12 : 60

const MODULE_BYTES_RELAXED = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15,
  65, 2, 253, 15, 253, 128, 2, 11,
]
const relaxed = WebAssembly.validate(new Uint8Array(MODULE_BYTES_RELAXED))
const file = `${root}build/emscripten/tinyai-kernels-bench${relaxed ? '-relaxed' : ''}.wasm`
const module = new WebAssembly.Module(readFileSync(process.env.TINYAI_KERNELS_BENCH ?? file))

// A new instance in which `prepare` (an export that tells the bytes it needs) has run; null where there is no such tier.
function instance(prepare, args) {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 16384 })
  const wasm = new WebAssembly.Instance(module, { env: { memory } }).exports
  const bytes = wasm[prepare](...args)
  if (bytes === 0) return null
  if (bytes > memory.buffer.byteLength) {
    memory.grow(Math.ceil((bytes - memory.buffer.byteLength) / 65536))
    wasm[prepare](...args)
  }
  return wasm
}

const SHORT = 4e6 // multiply-adds of a run: the best of short runs is not disturbed

// One thing to time: `run` does `work`. V8 compiles a function again once it is hot.
async function subject(run, work) {
  const times = Math.max(1, Math.round(SHORT / work))
  const repeated = () => {
    for (let i = 0; i < times; i++) run()
  }
  for (let i = 0; i < 12; i++) repeated()
  await new Promise((resolve) => setTimeout(resolve, 20))
  return { run: repeated, work: work * times, best: Infinity }
}

async function matmul(type, tier, rows, k, n) {
  const wasm = instance('bench_prepare', [allTiers[tier], types[type], rows, k, n])
  return wasm && (await subject(wasm.bench_matmul, rows * k * n))
}

// ---- the prototypes -------------------------------------------------------------------------------------------------

const prototypes = `${root}../shared/prototype/`

function compiled(name, memory) {
  const source = `${prototypes}${name}.c`
  const out = `${root}build/prototype/${name}${relaxed ? '-relaxed' : ''}.wasm`
  if (!existsSync(source)) return null
  if (!existsSync(out) || statSync(out).mtimeMs < statSync(source).mtimeMs) {
    mkdirSync(`${root}build/prototype`, { recursive: true })
    const flags = ['-O3', '-msimd128', '--no-entry', `-sINITIAL_MEMORY=${memory}`]
    if (relaxed) flags.push('-mrelaxed-simd', '-DRELAXED')
    execFileSync('emcc', [...flags, source, '-o', out], { stdio: 'inherit' })
  }
  const wasm = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(out)), {
    env: { emscripten_notify_memory_growth() {} },
  }).exports
  wasm._initialize?.()
  return wasm
}

async function prototype(tier, rows, k, n) {
  const letter = { simd128: 0, relaxed16: 1, relaxed32: 2 }[tier]
  if (n === 1) {
    if (!relaxed && tier !== 'simd128') return null
    const wasm = compiled('gemv_q4', '512MB')
    if (!wasm) return null
    wasm.setup(rows, k)
    return subject(() => wasm.gemv(letter), rows * k)
  }
  if (tier !== 'relaxed32' || !relaxed) return null // there is no other
  const wasm = compiled('gemm_q4', '256MB')
  if (!wasm) return null
  const tiled = n - (n % 6) // it leaves out the others
  wasm.setup(rows, k, tiled)
  return subject(wasm.gemm, rows * k * tiled)
}

// ---- the table ------------------------------------------------------------------------------------------------------

async function time(subjects) {
  const there = subjects.filter(Boolean)
  for (let round = 0; round < rounds; round++)
    for (const one of there) {
      const start = performance.now()
      one.run()
      one.best = Math.min(one.best, performance.now() - start)
    }
  return subjects.map((one) => (one ? one.work / one.best / 1e6 : null))
}

const show = (figure, digits = 1) => (figure === null ? '-' : figure.toFixed(digits)).padEnd(8)

console.log(
  `G multiply-adds/s, one thread, Node ${process.version}, best of ${rounds} interleaved runs`,
)
for (const [rows, k] of shapes) {
  const columns = tokens.flatMap((n) => tiers.map((tier) => [tier, n]))
  console.log(`${rows} x ${k}`)
  console.log(`          ${columns.map(([, n]) => `${n} tok`.padEnd(8)).join('')}`)
  console.log(
    `          ${columns.map(([tier]) => tier.slice(0, 4) + tier.slice(-2).padEnd(4)).join('')}`,
  )
  for (const type of names) {
    if (/_K|_XS/.test(type) && k % 256 !== 0) continue
    const subjects = []
    for (const [tier, n] of columns) subjects.push(await matmul(type, tier, rows, k, n))
    if (type === 'Q4_0')
      for (const [tier, n] of columns) subjects.push(await prototype(tier, rows, k, n))
    const figures = await time(subjects)
    console.log(type.padEnd(10) + columns.map((_, i) => show(figures[i])).join(''))
    if (type !== 'Q4_0') continue
    const theirs = figures.slice(columns.length)
    if (theirs.every((figure) => figure === null)) continue
    console.log('prototype '.padEnd(10) + theirs.map((figure) => show(figure)).join(''))
    const shares = theirs.map((figure, i) => (figure === null ? null : figures[i] / figure))
    console.log('of it     '.padEnd(10) + shares.map((share) => show(share, 2)).join(''))
  }
}
