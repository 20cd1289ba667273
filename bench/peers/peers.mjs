// `npm run bench -- --peers`: this engine in Node and three browsers beside wllama and native llama.cpp, on the same
// files, in one run. Round by round and model by model all hosts in turn, so that a slow minute of the machine hits all.

import { Absent } from '../in-node.mjs'
import { countsOf, keyOf, listCells } from './cells.mjs'
import { HOSTS } from './hosts.mjs'
import { measureKernels } from './kernels.mjs'
import { openLog } from './log.mjs'
import { modelFile, promptFor } from './models.mjs'
import { printReport, writeReport } from './report.mjs'
import { differingLogits, mergeResults } from './results.mjs'

const LIMIT_MINUTES = { whole: 85, quick: 9 } // then no measurement is begun any more
// All weights resident. The memory that is reserved is what the plan needs of it.
const LOAD = { memoryBudget: '2GB' }

async function measureCell(cell, round, { quick, kv }) {
  const path = modelFile(cell.shape, cell.type)
  const counts = countsOf(cell, round, quick)
  const spec = {
    path,
    counts,
    prompt: await promptFor(cell.shape, path, counts.prompt, counts.depth + counts.prompt),
    load: { ...LOAD, ...(kv ? { kv } : {}) },
  }
  return await HOSTS[cell.host].measure(cell, spec)
}

/** One line of the log: with a result, or with why there is none. */
async function record(cell, round, settings) {
  const start = Date.now()
  const line = { key: keyOf(cell), round, started: new Date(start).toISOString() }
  try {
    line.result = await measureCell(cell, round, settings)
  } catch (error) {
    line[error instanceof Absent ? 'absent' : 'failed'] = error.message
  }
  return { ...line, seconds: (Date.now() - start) / 1000 }
}

const shown = ({ result, absent, failed, seconds }) => {
  const figures = result
    ? `prefill ${result.prefill_tps.toFixed(1)}, decode ${result.decode_tps.toFixed(1)} tokens/s`
    : `${absent ? 'absent' : 'FAILED'}: ${(absent ?? failed).split('\n')[0]}`
  return `${figures} (${seconds.toFixed(0)} s)`
}

/** What the log has not: [cell, round], round by round. Of what was absent once there is no second round. */
function listOpen(cells, log) {
  const known = (key, round) =>
    log.records.some((r) => r.key === key && (r.round === round || r.absent) && !r.failed)
  const rounds = Math.max(...cells.map((cell) => cell.rounds))
  return Array.from({ length: rounds }, (_, i) => i + 1).flatMap((round) =>
    cells.flatMap((cell) =>
      round > cell.rounds || known(keyOf(cell), round) ? [] : [[cell, round]],
    ),
  )
}

/** Measures what is open; returns how much of it the time did not suffice for. */
async function measureAll(cells, log, settings) {
  const end = Date.now() + LIMIT_MINUTES[settings.quick ? 'quick' : 'whole'] * 60_000
  const open = listOpen(cells, log)
  const absent = new Set()
  for (const [i, [cell, round]] of open.entries()) {
    const key = keyOf(cell)
    if (absent.has(key)) continue
    if (Date.now() > end) return open.length - i
    const line = await record(cell, round, settings)
    if (line.absent) absent.add(key)
    log.add(line)
    console.error(`bench: ${i + 1} of ${open.length}, round ${round}: ${key}: ${shown(line)}`)
  }
  return 0
}

function kernelsOnce(log) {
  const known = log.records.find(({ key, result }) => key === 'kernels' && !result.absent)
  if (known) return known.result
  const result = measureKernels()
  log.add({ key: 'kernels', result })
  return result
}

/** options: quick, only, fresh, kv. Returns whether nothing failed and our logits were the same everywhere. */
export async function comparePeers(options) {
  const settings = { quick: Boolean(options.quick), kv: options.kv }
  const cells = listCells(options)
  if (cells.length === 0) throw new Error(`nothing is called '${options.only}'`)
  for (const { shape, type } of cells) modelFile(shape, type) // making them is not measured
  const log = openLog({ ...settings, fresh: options.fresh })
  const kernels = options.only ? null : kernelsOnce(log)
  const late = await measureAll(cells, log, settings)
  const times = log.records.flatMap(({ started }) => started ?? []).sort()
  const results = mergeResults(cells, log.records)
  const run = { late, kernels, settings, results, from: times[0], to: times.at(-1) }
  await printReport(run)
  if (!options.only) await writeReport(run)
  return results.every(({ failed }) => !failed) && differingLogits(results).length === 0
}
