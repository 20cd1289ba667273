// `npm run bench -- --peers`: this engine in Node and three browsers beside wllama and native llama.cpp, on the same
// files, in one run. Round by round and model by model all hosts in turn, so that a slow minute of the machine hits all.

import { Absent } from '../in-node.mjs'
import { countsOf, keyOf, listCells } from './cells.mjs'
import { HOSTS } from './hosts.mjs'
import { measureKernels } from './kernels.mjs'
import { openLog } from './log.mjs'
import { modelFile, promptFor } from './models.mjs'
import { printReport, writeReport } from './report.mjs'
import { mergeResults } from './results.mjs'

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
  const result = await HOSTS[cell.host].measure(cell, spec)
  if (cell.engine !== 'tinyai') return result
  if (cell.kernels !== 'auto' && result.kernels !== cell.kernels)
    throw new Absent(`it runs ${result.kernels} instead`)
  if (result.threads !== cell.threads)
    throw new Absent(result.threads_reason ?? `it runs ${result.threads} thread`)
  return result
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

/** Measures what the log has not; returns the names of what the time did not suffice for. */
async function measureAll(cells, log, settings) {
  const end = Date.now() + LIMIT_MINUTES[settings.quick ? 'quick' : 'whole'] * 60_000
  const known = (key, round) =>
    log.records.find((r) => r.key === key && r.round === round && !r.failed)
  const late = []
  for (let round = 1; round <= Math.max(...cells.map(({ rounds }) => rounds)); round++) {
    for (const cell of cells) {
      const key = keyOf(cell)
      if (round > cell.rounds || known(key, round)) continue
      if (round > 1 && known(key, 1)?.absent) continue
      if (Date.now() > end) {
        late.push(`${key}, round ${round}`)
        continue
      }
      const line = await record(cell, round, settings)
      log.add(line)
      console.error(`bench: round ${round}: ${key}: ${shown(line)}`)
    }
  }
  return late
}

/** options: quick, only, fresh, kv. Returns whether everything could be measured. */
export async function comparePeers(options) {
  const settings = { quick: Boolean(options.quick), kv: options.kv }
  const cells = listCells(options)
  if (cells.length === 0) throw new Error(`nothing is called '${options.only}'`)
  for (const { shape, type } of cells) modelFile(shape, type) // making them is not measured
  const log = openLog({ ...settings, fresh: options.fresh })
  const late = await measureAll(cells, log, settings)
  const kernels = options.only ? null : measureKernels(settings)
  const run = { cells, late, kernels, settings, results: mergeResults(cells, log.records) }
  await printReport(run)
  if (!settings.quick && !options.only) await writeReport(run)
  return run.results.every(({ failed }) => !failed)
}
