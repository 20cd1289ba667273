// One measurement of this engine in a process of its own, under any version of Node.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from './place.mjs'

const OUTPUT_BYTES = 1 << 24
const LONGEST_MS = 600_000

/** What this host or build does not offer; it is reported as absent. */
export class Absent extends Error {}

/** The result of a measurement, or an error with the code of the package: here or in a page. */
export function resultOf(answer) {
  if (answer.error === undefined) return answer
  if (answer.code === 'E_UNSUPPORTED') throw new Absent(answer.error)
  throw new Error(answer.error)
}

/** See measure.mjs; without `ids` the prompt is the beginning of a text. */
export function measureInNode(node, model, load, counts, ids) {
  const args = [join(ROOT, 'bench', 'engine.mjs'), JSON.stringify({ model, load, counts, ids })]
  const done = spawnSync(node, args, {
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES,
    timeout: LONGEST_MS,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (!done.stdout) throw new Error(`${node} ended with ${done.signal ?? done.status}`)
  return resultOf(JSON.parse(done.stdout))
}
