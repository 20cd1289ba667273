// GEMV and GEMM alone beside the prototypes they were designed from: bench/kernels.mjs, in the Node that has all tiers.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from '../place.mjs'
import { TIERS } from './cells.mjs'
import { nodeWithAllTiers } from './hosts.mjs'

const TYPE = 'Q4_0' // that of the prototypes
const SHAPE = '4096x2048'
const TOKENS = [1, 64]
const LIMIT_MS = 300_000

const numberOf = (cell) => (cell === '-' ? null : Number(cell))

/** The figures behind a name: [tier] for one token, then [tier] for many; null where there is none. */
function figuresOf(text, name) {
  const line = text.split('\n').find((l) => l.startsWith(`${name} `)) ?? ''
  const figures = line.slice(name.length).trim().split(/\s+/).map(numberOf)
  return figures.length === TIERS.length * TOKENS.length ? figures : null
}

/** G multiply-adds per second of the fastest tier for TOKENS[i]; the prototypes do not have all tiers. */
const best = (figures, i) =>
  Math.max(...figures.slice(i * TIERS.length, (i + 1) * TIERS.length).filter((f) => f > 0))

/** {ours, prototypes, gemv, gemm}: gemv and gemm are our speed / theirs; or {absent: why there is none}. */
export function measureKernels() {
  console.error('bench: GEMV and GEMM beside the prototypes')
  const options = { types: TYPE, shapes: SHAPE, tokens: TOKENS.join(), tiers: TIERS.join() }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
  const script = join(ROOT, 'bench', 'kernels.mjs')
  const done = spawnSync(nodeWithAllTiers(), [script, ...args], {
    encoding: 'utf8',
    timeout: LIMIT_MS,
  })
  if (done.status !== 0) {
    const why = done.stderr.split('\n').find((line) => line.includes('Error'))
    return { absent: `bench/kernels.mjs failed: ${why ?? done.signal ?? done.status}` }
  }
  const ours = figuresOf(done.stdout, TYPE)
  const prototypes = figuresOf(done.stdout, 'prototype')
  if (!ours || !prototypes) return { absent: 'bench/kernels.mjs has no figures of them here' }
  const [gemv, gemm] = TOKENS.map((_, i) => best(ours, i) / best(prototypes, i))
  const names = TOKENS.flatMap((tokens) => TIERS.map((tier) => `${tier}, ${tokens} tokens`))
  const named = (figures) => Object.fromEntries(names.map((name, i) => [name, figures[i]]))
  return { gemv, gemm, shape: SHAPE, ours: named(ours), prototypes: named(prototypes) }
}
