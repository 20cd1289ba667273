// The floors that the engine is held to, and whether a run reaches them.
import { find } from './results.mjs'

const BOTH_SHAPES = ['135m', '05b']
/** K-quants need rows of whole blocks of 256: the K shape has no other. */
const SHAPES_OF = { Q4_0: BOTH_SHAPES, Q8_0: BOTH_SHAPES, Q4_K_M: ['k'] }
const MAIN_HOSTS = ['node24', 'chromium']
const PHASES = ['decode', 'prefill']
/** What depth may cost whatever it costs others, and else of what it costs them. */
const KEPT_AT_DEPTH = 0.65
const OF_NATIVE = 0.9
const OF_PROTOTYPES = 0.95

const geometricMean = (values) =>
  Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length)

/** Ratios that are asked for: [decode, prefill] by type. */
const RATIOS = [
  ...[1, 2].map((threads) => ({
    name: `vs. wllama, ${threads} thread${threads > 1 ? 's' : ''}`,
    peer: { engine: 'wllama', threads },
    ours: { kernels: 'auto', threads },
    hosts: MAIN_HOSTS,
    floors: { Q4_0: [8, 25], Q8_0: [4, 6], Q4_K_M: [4, 6] },
  })),
  {
    name: 'vs. native, 1 thread',
    peer: { engine: 'llama.cpp', threads: 1 },
    ours: { kernels: 'auto', threads: 1 },
    hosts: MAIN_HOSTS,
    floors: { Q4_0: [0.9, 0.5], Q8_0: [0.9, 0.45], Q4_K_M: [0.8, 0.45] },
  },
  {
    name: 'SIMD128 tier vs. native, 1 thread',
    peer: { engine: 'llama.cpp', threads: 1 },
    ours: { kernels: 'simd128', threads: 1 },
    hosts: ['chromium', 'webkit'],
    floors: { Q4_0: [0.5, 0.2] },
  },
  {
    name: 'Firefox vs. native, 1 thread',
    peer: { engine: 'llama.cpp', threads: 1 },
    ours: { kernels: 'auto', threads: 1 },
    hosts: ['firefox'],
    floors: { Q4_0: [0.8, 0.3] },
  },
]

/** {ratio, shapes}: the geometric mean of `ratioOf` over the shapes that have one. */
function meanOver(shapes, ratioOf) {
  const pairs = shapes.map((shape) => [shape, ratioOf(shape)]).filter(([, ratio]) => ratio > 0)
  const ratio = pairs.length > 0 ? geometricMean(pairs.map(([, r]) => r)) : null
  return { ratio, shapes: pairs.map(([shape]) => shape), wanted: shapes }
}

const quotient = (a, b) => (a && b ? a / b : null)

function* ratioTargets(results) {
  for (const { name, peer, ours, hosts, floors } of RATIOS)
    for (const [type, floor] of Object.entries(floors))
      for (const host of hosts)
        for (const [i, phase] of PHASES.entries()) {
          const mean = meanOver(SHAPES_OF[type], (shape) => {
            const own = find(results, { engine: 'tinyai', host, type, shape, ...ours })
            const theirs = find(results, { type, shape, ...peer })
            return quotient(own?.[phase], theirs?.[phase])
          })
          yield { name, type, host, phase, floor: floor[i], ...mean }
        }
}

/** What the second thread brings, beside what it brings to native llama.cpp. */
function* threadTargets(results) {
  for (const [type, shapes] of Object.entries(SHAPES_OF))
    for (const host of MAIN_HOSTS)
      for (const phase of PHASES) {
        const speedUp = (cell) =>
          quotient(
            find(results, { ...cell, threads: 2 })?.[phase],
            find(results, { ...cell, threads: 1 })?.[phase],
          )
        const mean = meanOver(shapes, (shape) =>
          quotient(
            speedUp({ engine: 'tinyai', host, kernels: 'auto', type, shape }),
            speedUp({ engine: 'llama.cpp', type, shape }),
          ),
        )
        yield { name: 'second thread vs. native', type, host, phase, floor: OF_NATIVE, ...mean }
      }
}

/** What is left of the speed of a model at depth. */
function* depthTargets(results) {
  const shape = '05b'
  for (const type of Object.keys(SHAPES_OF))
    for (const host of MAIN_HOSTS)
      for (const phase of PHASES) {
        const one = { type, shape, threads: 1 }
        const kept = `kept_${phase}`
        const own = find(results, { engine: 'tinyai', host, kernels: 'auto', ...one })?.[kept]
        const native = find(results, { engine: 'llama.cpp', ...one })?.[kept]
        const relative = native ? OF_NATIVE * native : null
        const floor = phase === 'decode' ? Math.min(KEPT_AT_DEPTH, relative ?? 1) : relative
        const mean = meanOver([shape], () => own)
        yield { name: 'depth 2048 vs. depth 0', type, host, phase, floor, ...mean }
      }
}

function* kernelTargets(kernels) {
  for (const [kernel, phase] of [
    ['gemv', 'decode'],
    ['gemm', 'prefill'],
  ])
    yield {
      name: 'GEMV and GEMM vs. prototypes',
      type: 'Q4_0',
      host: 'node24',
      phase,
      floor: OF_PROTOTYPES,
      ratio: kernels?.[kernel] ?? null,
      shapes: [],
      wanted: [],
    }
}

/**
 * [{name, type, host, phase, floor, ratio, shapes, wanted, met}]: ratio is null where something is missing, and met then
 * too; `shapes` are those that were measured of the `wanted` ones.
 */
export function targetsOf(results, kernels) {
  const all = [
    ...ratioTargets(results),
    ...threadTargets(results),
    ...kernelTargets(kernels),
    ...depthTargets(results),
  ]
  return all.map((target) => {
    const known = target.ratio !== null && target.floor !== null
    return { ...target, met: known ? target.ratio >= target.floor : null }
  })
}
