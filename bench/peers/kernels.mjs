// GEMV and GEMM alone beside the prototypes they were designed from: bench/kernels.mjs, in the Node that has all tiers.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from '../place.mjs'
import { nodeWithAllTiers } from './hosts.mjs'

const LIMIT_MS = 300_000

/** {gemv, gemm}: our multiply-adds per second / the prototype's; or {absent: why there is no figure}. */
export function measureKernels() {
  console.error('bench: GEMV and GEMM beside the prototypes')
  const args = [join(ROOT, 'bench', 'kernels.mjs'), '--prototypes', '--json']
  const done = spawnSync(nodeWithAllTiers(), args, { encoding: 'utf8', timeout: LIMIT_MS })
  if (done.status !== 0)
    return { absent: done.stderr.trim().split('\n').at(-1) || `ended with ${done.status}` }
  return JSON.parse(done.stdout)
}
