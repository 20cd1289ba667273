// A run as tables, a plot and JSON: docs/performance.md, performance-peers.svg and performance-peers.json.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeJson, writeSection } from '../docs.mjs'
import { commitOf, machineOf, ROOT } from '../place.mjs'
import { barChart } from '../plot.mjs'
import { markdownTable } from '../table.mjs'
import { DEPTH } from './cells.mjs'
import { HOSTS } from './hosts.mjs'
import { blockTypesOf, modelFile, SHAPE_NAMES, SHAPES } from './models.mjs'
import { WLLAMA } from './packages.mjs'
import { differingLogits, find } from './results.mjs'
import { targetsOf } from './targets.mjs'

const HIDDEN_SHARE = 0.0005 // norms
const PLOTTED = ['135M Q4_0', '0.5B Q4_0', 'K Q4_K_M']
const NAMES_WIDTH = 270

const rate = (value) => (value === undefined ? '-' : value.toFixed(value < 100 ? 1 : 0))
const percent = (share) => `${(100 * share).toFixed(1)} %`
const modelName = ({ shape, type }) => `${SHAPE_NAMES[shape]} ${type}`
const unique = (values) => [...new Set(values)]

function engineName({ engine, host }) {
  if (engine === 'tinyai') return `TinyAI, ${HOSTS[host].title}`
  return engine === 'wllama' ? `wllama, ${HOSTS[host].title}` : `${engine}, native`
}

// ---- targets

function verdict({ ratio, floor, met, shapes, wanted }) {
  if (met === null) return 'not measured'
  const only = shapes.length < wanted.length ? ` (${shapes.map((s) => SHAPE_NAMES[s])} only)` : ''
  return `${ratio.toFixed(2)} of ${floor.toFixed(2)} ${met ? 'met' : 'MISSED'}${only}`
}

function targetTable(targets) {
  const rows = [['target', 'type', 'in', 'decode', 'prefill']]
  for (const decode of targets.filter(({ phase }) => phase === 'decode')) {
    const { name, type, host } = decode
    const prefill = targets.find(
      (t) => t.phase === 'prefill' && t.name === name && t.type === type && t.host === host,
    )
    rows.push([name, type, HOSTS[host].title, verdict(decode), verdict(prefill)])
  }
  return markdownTable(rows, 5)
}

// ---- models

async function modelTable(results) {
  const files = unique(results.map(({ shape, type }) => `${shape} ${type}`))
  const rows = [['model', 'block types, by weights']]
  for (const [shape, type] of files.map((file) => file.split(' '))) {
    const shares = await blockTypesOf(modelFile(shape, type))
    const shown = shares.filter(([, share]) => share > HIDDEN_SHARE)
    rows.push([
      modelName({ shape, type }),
      shown.map(([name, share]) => `${name} ${percent(share)}`).join(', '),
    ])
  }
  return markdownTable(rows, 2)
}

// ---- speeds

const SPEED_HEAD = ['prefill', 'decode', `prefill at ${DEPTH}`, `decode at ${DEPTH}`]

function speedTable(results, threads) {
  const rows = [['model', 'engine', 'kernels', ...SPEED_HEAD]]
  for (const cell of results) {
    const { result } = cell
    if (cell.threads !== threads || !result) continue
    const tier =
      cell.engine !== 'tinyai' ? '' : cell.kernels === 'auto' ? result.kernels : cell.kernels
    const speeds = [result.prefill, result.decode, result.deep_prefill, result.deep_decode]
    const chosen = cell.engine === 'tinyai' && cell.kernels === 'auto' ? `${tier}, chosen` : tier
    rows.push([modelName(cell), engineName(cell), chosen, ...speeds.map(rate)])
  }
  return markdownTable(rows, 3)
}

function missingList(results, late) {
  const cells = results.filter(({ result }) => !result)
  const lines = unique(
    cells.map((cell) => {
      const { kernels, threads, absent, failed } = cell
      const why = failed ? `failed: ${failed}` : (absent ?? 'the time did not suffice')
      const where = failed ? `${modelName(cell)}, ` : ''
      return `- ${where}${engineName(cell)}, ${kernels}, ${threads} thread${threads > 1 ? 's' : ''}: ${why.split('\n')[0]}`
    }),
  )
  if (late > 0) lines.push(`- ${late} measurements were left out for want of time`)
  return lines.length > 0 ? lines.join('\n') : '- nothing'
}

// ---- checks

/** Our logits are the same bits everywhere: one hash per model. */
function hashText(results) {
  const cells = results.filter(({ engine, result }) => engine === 'tinyai' && result)
  const differing = differingLogits(results)
  return differing.length > 0
    ? `TinyAI's logits DIFFER between hosts, tiers or threads for ${differing.join(', ')}`
    : `TinyAI's logits of a model were the same bits in all hosts, tiers and threads (${cells.length} cells)`
}

/** How many greedy tokens are the same as native's before the first that differs, and how close its best two were there. */
function sameTokens(results) {
  const counts = unique(results.map(modelName)).flatMap((name) => {
    const of = results.filter((cell) => modelName(cell) === name)
    const ours = of.find(({ engine, result }) => engine === 'tinyai' && result)?.result.ids
    const { ids: theirs, margins } = find(of, { engine: 'llama.cpp' }) ?? {}
    if (!ours || !theirs) return []
    const at = ours.findIndex((id, i) => id !== theirs[i])
    return at < 0 ? `${name} all ${ours.length}` : `${name} ${at} (${margins[at].toFixed(2)})`
  })
  return counts.join(', ') || 'not compared'
}

// ---- facts

function versionsOf(results) {
  const measured = results.filter(({ result }) => result)
  const hosts = unique(
    measured
      .filter(({ host }) => host !== 'native')
      .map(({ host, result }) =>
        result.version.startsWith('v')
          ? `Node ${result.version}`
          : `${HOSTS[host].title} ${result.version}`,
      ),
  )
  const native = find(results, { engine: 'llama.cpp' })
  const wllama = find(results, { engine: 'wllama' })
  return [
    ...hosts,
    ...(native ? [`llama.cpp ${native.llama_cpp} of ${native.version}`] : []),
    ...(wllama ? [`wllama ${WLLAMA.version} (${wllama.kernels})`] : []),
  ].join('; ')
}

function factsOf({ results, settings, from, to }) {
  const cpu = find(results, { engine: 'llama.cpp' })?.cpu
  return {
    date: new Date().toISOString().slice(0, 10),
    measured: `${from} to ${to}`,
    commit: commitOf(),
    command: `npm run bench -- --peers${settings.quick ? ' --quick' : ''}`,
    machine: machineOf(),
    versions: versionsOf(results),
    llamaCppUses: cpu?.replace(/ = 1/g, '').replace(/[\s|]+$/, '') ?? 'not measured',
    method: `prompt 256, decode 64 tokens, greedy, the same token ids for all, all weights resident, after a warm-up; best of interleaved rounds; KV cache: TinyAI ${settings.kv ?? 'default'}, others F16`,
  }
}

async function textOf({ results, late, kernels, targets, facts }) {
  const count = (met) => targets.filter((target) => target.met === met).length
  return `${facts.date}, commit ${facts.commit}, ${facts.machine}. Command: \`${facts.command}\`.

- Measured from ${facts.measured}
- Versions: ${facts.versions}
- llama.cpp runs with: ${facts.llamaCppUses}
- Method: ${facts.method}. At depth: the same behind ${DEPTH} tokens, measured once or twice; TinyAI reads them as one prompt with the rest, and
  the passes in \`stats()\` (at most 30 ms late) tell when they were read.
- ${hashText(results)}.
- Greedy tokens that are the same as native's before the first difference, and how far apart native's best two logits are
  there: ${sameTokens(results)}. The two round differently and part where these are close, as they often are on random weights.

![tokens per second, one thread](performance-peers.svg)

All numbers are also in performance-peers.json.

### Targets

${count(true)} met, ${count(false)} missed, ${count(null)} not measured. A figure is a ratio of tokens/s, the geometric mean of the 135M
and 0.5B shapes (Q4_K_M: the K shape); "0.95 of 0.90" is 0.95 where 0.90 is asked for. At depth the figure is what is left of the
speed at the start.${kernels?.absent ? ` The prototypes were not measured: ${kernels.absent}.` : ''}

${targetTable(targets)}

### Tokens per second, one thread

${speedTable(results, 1)}

### Tokens per second, two threads

${speedTable(results, 2)}

### Not measured

${missingList(results, late)}

### Models

Random weights, quantized by llama.cpp's own quantizer. ${Object.values(SHAPES).join('. ')}. Head and embedding are one
matrix in all of them.

${await modelTable(results)}
`
}

// ---- plot

function plotOf(results) {
  const rows = results
    .filter((cell) => {
      const oneOfTheTiers = cell.kernels === 'relaxed16' || cell.kernels === 'relaxed32'
      return (
        PLOTTED.includes(modelName(cell)) && cell.threads === 1 && !oneOfTheTiers && cell.result
      )
    })
    .map((cell) => ({
      group: modelName(cell),
      name: `${engineName(cell)}${cell.kernels === 'simd128' ? ', simd128' : ''}`,
      ours: cell.engine === 'tinyai',
      values: [cell.result.decode, cell.result.prefill],
    }))
  return barChart({
    title: 'Tokens per second, one thread (blue: TinyAI)',
    rows,
    namesWidth: NAMES_WIDTH,
    panels: [
      { title: 'decode', format: rate },
      { title: 'prefill', format: rate },
    ],
  })
}

// ---- all of it

function jsonOf({ facts, results, targets, kernels }) {
  const cells = results.map(({ result, rounds, deep, ...cell }) => {
    if (!result) return cell
    const { ids, margins, prompt_ids, cpu, ...kept } = result
    return { ...cell, ...kept, kernels: cell.kernels, ran: result.kernels }
  })
  return { ...facts, targets, prototypes: kernels, results: cells }
}

async function reportOf(run) {
  const targets = targetsOf(run.results, run.kernels)
  const facts = factsOf(run)
  return { ...run, targets, facts }
}

export async function printReport(run) {
  console.log(await textOf(await reportOf(run)))
}

export async function writeReport(run) {
  const report = await reportOf(run)
  writeSection('performance.md', 'peers', `\n${await textOf(report)}\n`)
  writeFileSync(join(ROOT, 'docs', 'performance-peers.svg'), plotOf(run.results))
  writeJson('performance-peers.json', jsonOf(report))
  console.log('written: docs/performance.md, performance-peers.svg, performance-peers.json')
}
