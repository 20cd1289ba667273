// One run of the kernel cases: node kernels-equal-child.mjs MODULE TIER CASES. Prints JSON: what the machine's relaxed dot
// products give, whether the module has the tier, how many cases ran, what they covered, and which were wrong.
import { readFileSync } from 'node:fs'

const [file, tier, cases] = process.argv.slice(2)
const memory = new WebAssembly.Memory({ initial: 64, maximum: 64 })
const wasm = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), {
  env: { memory },
}).exports
const ops = ['matmul', 'panels', 'dequantize', 'attend', 'rms_norm', 'rope', 'add', 'swiglu']

function describe(seed) {
  const shape = new Uint32Array(memory.buffer, wasm.case_shape_of(seed), 6)
  const [n, rows, tokens, begin, end, wProfile] = shape
  const what = `seed ${seed}: ${ops[wasm.case_op(seed)]}, type ${wasm.case_type(seed)}`
  const profiles = `profiles ${wasm.case_profile(seed)} and ${wProfile}`
  return `${what}, ${profiles}, n ${n}, rows ${rows}, tokens ${tokens}, begin ${begin}, end ${end}`
}

const covered = new Set()
const bad = []
const ran = wasm.has_tier(tier) ? Number(cases) : 0
for (let seed = 0; seed < ran; seed++) {
  covered.add(`${ops[wasm.case_op(seed)]} ${wasm.case_type(seed)}`)
  const mismatches = wasm.case_mismatches(tier, seed)
  if (mismatches) bad.push(`${mismatches} of ${describe(seed)}`)
}
console.log(
  JSON.stringify({
    dots: wasm.relaxed_dots?.(),
    ran,
    covered: [...covered],
    bad: bad.slice(0, 10),
    hashIsRight: wasm.reference_hash_is_right(),
    seesOneBit: wasm.comparison_sees_one_bit(),
    lanesMismatches: wasm.lanes_mismatches(500),
  }),
)
