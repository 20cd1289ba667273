// What is compared: a cell is one engine in one host with one tier of kernels and a number of threads, on one model.
import { SHAPES, TYPES } from './models.mjs'

export const TIERS = ['simd128', 'relaxed16', 'relaxed32']
export const DEPTH = 2048
const PROMPT = 256
const GENERATE = 64

const cellsOf = (engine, host, kernels, threads) =>
  threads.map((n) => ({ engine, host, kernels, threads: n }))
const native = (threads) => cellsOf('llama.cpp', 'native', 'its own', threads)
const wllama = (threads) => cellsOf('wllama', 'chromium', 'its own', threads)
const ours = (host, kernels, threads) => cellsOf('tinyai', host, kernels, threads)
/** Most targets are ratios of these. */
const main = (threads) => [
  ...native(threads),
  ...ours('node24', 'auto', threads),
  ...ours('chromium', 'auto', threads),
]

/** `rounds`: how often it is measured; `deep`: in the first so many of them behind DEPTH tokens too. */
const on = (shape, type, rounds, deep, cells) =>
  cells.map((cell) => ({ ...cell, shape, type, rounds, deep }))

/** A name for people, for --only, and in the log of a run. */
export const keyOf = ({ engine, host, kernels, threads, shape, type }) =>
  `${engine} ${host} ${kernels} ${threads}t ${shape}-${type}`

/** Both sides of a target have the same rounds: the best of more is more. */
const ROUNDS = 3

function wholeModel(shape, type) {
  const q4 = type === 'Q4_0' && shape !== 'k'
  return [
    ...on(shape, type, ROUNDS, shape === '05b' ? 2 : 1, main([1])), // targets at depth are of this shape
    ...on(shape, type, ROUNDS, 1, main([2])),
    ...on(shape, type, q4 ? ROUNDS : 1, 1, ours('firefox', 'auto', [1])),
    ...on(shape, type, q4 ? ROUNDS : 1, 1, ours('webkit', 'simd128', [1])),
    ...on(shape, type, 1, 1, ours('firefox', 'auto', [2])),
    ...on(shape, type, 1, 1, ours('webkit', 'simd128', [2])),
    ...on(shape, type, 1, 1, ours('node', 'simd128', [1, 2])),
    ...(q4 ? on(shape, type, ROUNDS, 0, ours('chromium', 'simd128', [1])) : []),
    ...on(shape, type, shape === 'k' ? 2 : 1, 0, wllama([1, 2])),
  ]
}

/** Each tier by itself, on one model: auto should be as fast as the best of them. */
const eachTier = () =>
  ['node24', 'chromium', 'firefox'].flatMap((host) =>
    TIERS.flatMap((tier) => on('135m', 'Q4_0', 1, 0, ours(host, tier, [1]))),
  )

function whole() {
  const models = Object.keys(SHAPES).flatMap((shape) => TYPES.map((type) => [shape, type]))
  const cells = [...models.flatMap(([shape, type]) => wholeModel(shape, type)), ...eachTier()]
  const keys = cells.map(keyOf)
  return cells.filter((cell, i) => keys.indexOf(keyOf(cell)) === i)
}

/** Something for every target. */
const quick = () => [
  ...on('135m', 'Q4_0', 1, 0, [
    ...main([1, 2]),
    ...ours('chromium', 'simd128', [1]),
    ...ours('firefox', 'auto', [1]),
    ...ours('webkit', 'simd128', [1]),
    ...ours('node', 'simd128', [1]),
    ...wllama([1, 2]),
  ]),
  ...[
    ['135m', 'Q8_0'],
    ['k', 'Q4_K_M'],
  ].flatMap(([shape, type]) => on(shape, type, 1, 0, [...main([1]), ...wllama([1])])),
  ...on('05b', 'Q4_0', 1, 1, main([1])),
]

/** The cells of a run; `only`: words of which each must be in the name. */
export function listCells({ quick: isQuick = false, only = '' } = {}) {
  const words = only.toLowerCase().split(/[\s,]+/)
  return (isQuick ? quick() : whole()).filter((cell) =>
    words.every((word) => keyOf(cell).toLowerCase().includes(word)),
  )
}

/** The counts of a round. */
export function countsOf(cell, round, isQuick) {
  const depth = round <= cell.deep ? DEPTH : 0
  const repeats = isQuick || cell.engine === 'wllama' ? 1 : 2
  return { prompt: PROMPT, generate: GENERATE, repeats, depth }
}
