// The kernels alone, in every tier that this engine has, one thread:
//     node bench/kernels.mjs [--quick] [--only products|activations|attention|rest] [--types Q4_0,…] [--shapes ROWSxK,…]
//                            [--tiers simd128,…] [--tokens 1,64]
// Where ../shared/prototype is there and emcc is on the PATH, its kernels run in the same turns: the line "of it" is our
// speed divided by theirs.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    only: { type: 'string' },
    types: { type: 'string' },
    shapes: { type: 'string', default: '1024x2048' },
    tiers: { type: 'string', default: 'simd128,relaxed16,relaxed32' },
    tokens: { type: 'string', default: '1,64' },
  },
})
const root = new URL('..', import.meta.url).pathname
const TYPES = { Q4_0: 2, Q4_1: 3, Q5_0: 6, Q5_1: 7, Q8_0: 8, IQ4_NL: 20 } // ids of GGUF
Object.assign(TYPES, { Q2_K: 10, Q3_K: 11, Q4_K: 12, Q5_K: 13, Q6_K: 14, IQ4_XS: 23 })
Object.assign(TYPES, { F32: 0, F16: 1, BF16: 30 })
const TIERS = { simd128: 1, relaxed16: 3, relaxed32: 4 } // TaiTier
const KV_TYPES = { F32: 0, F16: 1, Q8: 2 } // TaiKvType
const tiers = options.tiers.split(',')
const names = options.types?.split(',') ?? Object.keys(TYPES)
const shapes = options.shapes.split(',').map((shape) => shape.split('x').map(Number))
const tokens = options.tokens.split(',').map(Number)
const rounds = options.quick ? 12 : 60

// A function that multiplies bytes as the relaxed tiers do, to see whether the engine knows that.
const RELAXED_MODULE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15,
  65, 2, 253, 15, 253, 128, 2, 11,
]
const relaxed = WebAssembly.validate(new Uint8Array(RELAXED_MODULE))
const file = `${root}build/emscripten/tinyai-kernels-bench${relaxed ? '-relaxed' : ''}.wasm`
const module = new WebAssembly.Module(readFileSync(file))

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

const SHORT = 4e6 // operations of a run: the best of short runs is not disturbed

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

/** Billions of operations per second of each subject, in turns; null where there is none. */
async function time(subjects) {
  const all = await Promise.all(subjects)
  for (let round = 0; round < rounds; round++)
    for (const one of all.filter(Boolean)) {
      const start = performance.now()
      one.run()
      one.best = Math.min(one.best, performance.now() - start)
    }
  return all.map((one) => (one ? one.work / one.best / 1e6 : null))
}

const cell = (text) => text.padEnd(10)
const row = (name, cells) => console.log(name.padEnd(10) + cells.map(cell).join(''))
const figures = (numbers, digits = 1) =>
  numbers.map((number) => (number === null ? '-' : number.toFixed(digits)))
const wanted = (part) => !options.only || options.only === part

// ---- the prototypes -----------------------------------------------------------------------------

function prototypeModule(name, memory) {
  const source = `${root}../shared/prototype/${name}.c`
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

const PROTOTYPE_TILE = 6 // tokens; it leaves out what is left over

/** A prototype of Q4_0, where there is one: one token in three tiers, many in relaxed32. */
function prototype(tier, rows, k, n) {
  if (!relaxed && tier !== 'simd128') return null
  if (n !== 1 && (tier !== 'relaxed32' || n < PROTOTYPE_TILE)) return null
  const wasm = n === 1 ? prototypeModule('gemv_q4', '512MB') : prototypeModule('gemm_q4', '256MB')
  if (!wasm) return null
  if (n === 1) {
    wasm.setup(rows, k)
    return subject(() => wasm.gemv(Object.keys(TIERS).indexOf(tier)), rows * k)
  }
  const tiled = n - (n % PROTOTYPE_TILE)
  wasm.setup(rows, k, tiled)
  return subject(wasm.gemm, rows * k * tiled)
}

// ---- products of matrices -------------------------------------------------------------------------

function product(type, tier, rows, k, n) {
  const wasm = instance('bench_prepare', [TIERS[tier], TYPES[type], rows, k, n])
  return wasm && subject(wasm.bench_matmul, rows * k * n)
}

async function products(rows, k) {
  const columns = tokens.flatMap((n) => tiers.map((tier) => [tier, n]))
  console.log(`\n${rows} x ${k}, G multiply-adds/s`)
  row(
    '',
    columns.map(([, n]) => `${n} token${n === 1 ? '' : 's'}`),
  )
  row(
    '',
    columns.map(([tier]) => tier),
  )
  for (const type of names) {
    if (/_K|_XS/.test(type) && k % 256 !== 0) continue
    const ours = columns.map(([tier, n]) => product(type, tier, rows, k, n))
    const theirs = columns.map(([tier, n]) => type === 'Q4_0' && prototype(tier, rows, k, n))
    const all = await time([...ours, ...theirs])
    row(type, figures(all.slice(0, columns.length)))
    const prototypes = all.slice(columns.length)
    if (prototypes.every((figure) => figure === null)) continue
    row('prototype', figures(prototypes))
    const shares = prototypes.map((figure, i) => (figure === null ? null : all[i] / figure))
    row('of it', figures(shares, 2))
  }
}

// ---- what else a token costs ------------------------------------------------------------------------

function quantizing(type, tier, k) {
  const wasm = instance('bench_prepare', [TIERS[tier], TYPES[type], 8, k, 1])
  return wasm && subject(wasm.bench_quantize, k)
}

async function activations() {
  console.log('\nactivations of 2048 values, values per ns')
  row('', tiers)
  for (const [name, type] of Object.entries({ 32: 'Q8_0', '32N': 'Q4_0', '256N': 'Q4_K' }))
    row(name, figures(await time(tiers.map((tier) => quantizing(type, tier, 2048)))))
}

const HEAD_DIM = 64
const ATTENTION = ['7/256/1', '7/2048/1', '3/256/1', '3/2048/1', '1/2048/1', '3/256/8', '3/2048/8']

function attending(kv, shape) {
  const [heads, positions, n] = shape.split('/').map(Number)
  const args = [TIERS.simd128, KV_TYPES[kv], HEAD_DIM, heads, positions, n]
  const wasm = instance('bench_prepare_attend', args)
  return subject(wasm.bench_attend, 2 * HEAD_DIM * heads * n * (positions - (n - 1) / 2))
}

async function attention() {
  console.log('\nattention, G multiply-adds/s: heads that share / depth / tokens')
  row('', ATTENTION)
  for (const kv of Object.keys(KV_TYPES))
    row(kv, figures(await time(ATTENTION.map((shape) => attending(kv, shape)))))
}

// The operations of bench_prepare_simple, with a KV type and how many values.
const REST = {
  norm: [0, 0, 576],
  add: [1, 0, 576],
  SwiGLU: [2, 0, 1536],
  RoPE: [3, 0, 576],
  'KV F16': [4, 1, 192],
  'KV Q8': [4, 2, 192],
}

async function rest() {
  console.log('\nthe rest, values per ns')
  row('', Object.keys(REST))
  const subjects = Object.values(REST).map(([operation, kv, n]) => {
    const wasm = instance('bench_prepare_simple', [TIERS.simd128, operation, kv, n])
    return subject(wasm.bench_simple, n)
  })
  row('', figures(await time(subjects)))
}

console.log(`Node ${process.version}, best of ${rounds} interleaved runs`)
if (wanted('products')) for (const [rows, k] of shapes) await products(rows, k)
if (wanted('activations')) await activations()
if (wanted('attention')) await attention()
if (wanted('rest')) await rest()
