// The runs that must give the same 64 greedy tokens and the same logits, bit for bit, on every host: browsers, Node,
// wasmtime and native. `expected` is what all of them give; `node tests/conformance/record.mjs` writes it anew after a
// deliberate change of the numeric definition.
//
// A host runs a case at BUDGETS budgets from the smallest that fits to all-resident. Read sizes, kernels, modes and sources
// turn with the budget so that each meets many others; at one budget in the middle every source meets every read size.
import { expected } from './expected.mjs'

export const TOKENS = 64
export const BUDGETS = 12
export const CHUNKS = [16 << 10, 100_000, 1 << 20]
export const KERNELS = ['scalar', 'simd128']
/** Where the host knows relaxed SIMD, and computes with it what it should. */
export const RELAXED = ['relaxed16', 'relaxed32']
export const MODES = ['adaptive', 'normal', 'streaming', 'memory-opt']

const STORY = 'Once upon a time, there was a little rabbit who'
const VECTORS = 'tests/vectors/storyteller'

export const FORMATS = ['gguf', 'tmai']

/** `model` is a path from the top of the checkout; `options` are load options. */
export const CASES = [
  {
    name: 'Q8_0, bundled',
    model: 'models/storyteller/storyteller-q8_0.gguf',
    prompt: STORY,
    options: { contextLength: 256 },
  },
  {
    name: 'Q4_0, KV F32',
    model: `${VECTORS}/storyteller-q4_0.gguf`,
    prompt: '<|user|>Tell me a story about a fox and a lantern.<|end|><|assistant|>',
    options: { contextLength: 200, kv: 'f32' },
  },
  {
    name: 'Q4_K_M',
    model: `${VECTORS}/storyteller-q4_k_m.gguf`,
    prompt: `${STORY} lost her kite. `.repeat(6), // several chunks of prompt
    options: { contextLength: 256 },
  },
  {
    name: 'F16, KV F16, no read ahead',
    model: `${VECTORS}/storyteller-f16.gguf`,
    prompt: STORY,
    options: { contextLength: 128, kv: 'f16', prefetch: false },
  },
].map((one) => ({ ...one, expected: expected[one.name] }))

/** Budgets from the smallest that fits to the one that streams nothing, both included. */
export function budgetsOf({ minBudget, residentBytes }, count = BUDGETS) {
  const step = (residentBytes - minBudget) / (count - 1)
  return Array.from({ length: count }, (_, i) => Math.round(minBudget + step * i))
}

/** The runs of a case: {budget, chunk, kernels, mode, format, source}. `plan` is of the case's model; `sources` are the host's. */
export function runsOf(
  plan,
  sources,
  { kernels = KERNELS, chunks = CHUNKS, count = BUDGETS } = {},
) {
  const budgets = budgetsOf(plan, count)
  const sweep = budgets.flatMap((budget, i) =>
    kernels.map((kernel, k) => ({
      budget,
      kernels: kernel,
      chunk: chunks[(i + k) % chunks.length],
      mode: MODES[(i + 2 * k) % MODES.length],
      format: FORMATS[(i >> 2) % FORMATS.length], // with 12 budgets each mode meets each format
      source: sources[(i + 2 * k) % sources.length],
    })),
  )
  const budget = budgets[Math.floor(count / 3)]
  const all = sources.flatMap((source, s) =>
    chunks.map((chunk, c) => ({
      budget,
      kernels: kernels[(s + c) % kernels.length],
      chunk,
      mode: MODES[(s + c) % MODES.length],
      format: FORMATS[c % FORMATS.length],
      source,
    })),
  )
  return [...sweep, ...all]
}

/** What is compared: {tokens, logitsHash}. */
export function outcomeOf(tokens, stats) {
  return { tokens, logitsHash: stats.engine.logitsHash }
}
