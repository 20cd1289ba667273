#!/usr/bin/env node
// The memory part of `npm run bench`: the strategies beside the system's malloc and mimalloc on the same traces, tracking
// on and off, the scheduler's peak against its lower bound, and misses per pass against Belady's optimum. Writes the
// tables into docs/memory.md, a plot beside it, and docs/memory-bench.json. `--quick`: one round, nothing written.
//
//   node bench/memory.mjs [--quick]
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { writeJson, writeSection } from './docs.mjs'
import { prepareMimalloc } from './peer-mimalloc.mjs'
import { commitOf, machineOf, ROOT } from './place.mjs'
import { barChart } from './plot.mjs'
import { markdownTable } from './table.mjs'

/** The JSON lines that a program prints. */
function linesOf(program, args = [], env = {}) {
  const text = execFileSync(join(ROOT, 'build/native-release', program), args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

// ---- strategies

/** Round by round ours and malloc, then mimalloc, so that a slow minute of the machine hits all of them. */
function measureStrategies({ rounds, mimalloc }) {
  const best = new Map()
  for (let round = 1; round <= rounds; round++) {
    console.error(`bench: memory strategies, round ${round} of ${rounds}`)
    const results = linesOf('tinyai-memory-bench')
    if (mimalloc.library)
      results.push(
        ...linesOf('tinyai-memory-bench', ['mimalloc'], { LD_PRELOAD: mimalloc.library }),
      )
    for (const result of results) {
      const key = `${result.trace} ${result.allocator}`
      const before = best.get(key)?.nsPerOperation ?? Number.POSITIVE_INFINITY
      best.set(key, { ...result, nsPerOperation: Math.min(before, result.nsPerOperation) })
    }
  }
  const order = traces([...best.values()])
  return [...best.values()].sort((a, b) => order.indexOf(a.trace) - order.indexOf(b.trace))
}

const traces = (strategies) => [...new Set(strategies.map(({ trace }) => trace))]
const isOurs = ({ allocator }) => !/malloc/.test(allocator)
const isTracked = ({ allocator }) => /tracked/.test(allocator)
/** Bytes reserved beyond what is live at the peak. */
const extra = ({ overhead }) => (overhead === null ? null : overhead - 1)
const percent = (value) => (value === null ? '-' : `${(100 * value).toFixed(1)} %`)

function strategyTable(strategies, mimalloc) {
  const rows = [['trace', 'allocator', 'ns per operation', 'overhead', 'fragmentation']]
  for (const trace of traces(strategies)) {
    const results = strategies.filter((s) => s.trace === trace && !isTracked(s))
    for (const s of results) {
      const ns = s.nsPerOperation.toFixed(1)
      rows.push([trace, s.allocator, ns, percent(extra(s)), percent(s.fragmentationRatio)])
    }
    if (!mimalloc.library) rows.push([trace, `mimalloc: ${mimalloc.why}`, '-', '-', '-'])
  }
  return markdownTable(rows, 2)
}

function trackingTable(strategies) {
  const rows = [['trace', 'tracking off, ns', 'on, ns', 'more']]
  for (const on of strategies.filter(isTracked)) {
    const name = on.allocator.replace(/, tracked/, '')
    const off = strategies.find((s) => s.trace === on.trace && s.allocator === name)
    const [without, with_] = [off.nsPerOperation, on.nsPerOperation]
    rows.push([
      `${on.trace}, ${name}`,
      without.toFixed(1),
      with_.toFixed(1),
      `${(with_ - without).toFixed(1)} ns`,
    ])
  }
  return markdownTable(rows)
}

/** The engine allocates nothing between two tokens: there is nothing to record. */
function decodeText({ tokens, offUsPerToken: off, onUsPerToken: on }) {
  const more = percent(on / off - 1)
  return `Decoding ${tokens} tokens natively with the bundled model takes ${off.toFixed(1)} µs per token with tracking off and
${on.toFixed(1)} µs with tracking on (${more}). The engine allocates nothing between two tokens, so there is nothing to
record: the difference is the noise of the machine.`
}

function strategyPlot(strategies) {
  const rows = strategies
    .filter((s) => !isTracked(s))
    .map((s) => ({
      group: s.trace,
      name: s.allocator,
      ours: isOurs(s),
      values: [extra(s), s.fragmentationRatio],
    }))
  return barChart({
    title: 'After the churn (blue: TinyAI)',
    rows,
    panels: [
      { title: 'overhead: reserved / peak live bytes - 1', format: percent },
      { title: 'fragmentation: 1 - largest free / free', format: percent },
    ],
  })
}

// ---- scheduler

function schedulerTable(placements) {
  const rows = [
    ['graphs', 'layers', 'at the bound', 'mean', 'worst', 'place, µs', 'cheapest order saves'],
  ]
  for (const p of placements)
    rows.push([
      p.graphs,
      `${p.layers}`,
      `${p.atBound} of ${p.count}`,
      p.peakOverBound.toFixed(4),
      p.worstOverBound.toFixed(4),
      p.placeUs.toFixed(1),
      percent(p.cheapestOrderSaves),
    ])
  return markdownTable(rows)
}

// ---- residency

/** What docs/architecture.md promises for N layers and C slots, with `passing` slots that layers pass through. */
function promised({ layers, slots }, passing) {
  return slots >= layers ? 0 : layers - slots + Math.min(passing, slots)
}

function residencyText(cycles) {
  const above = Math.max(...cycles.map(({ adaptive, belady }) => adaptive - belady))
  const off = cycles.filter(
    (c) => c.adaptive !== promised(c, 1) || c.adaptivePrefetch !== promised(c, 2),
  )
  const sizes = [...new Set(cycles.map(({ layers }) => layers))]
  const shown = [8, 16, 24, 32, 48]
  const rows = [['layers', 'slots', 'adaptive', 'with reading ahead', 'LRU', 'Belady']]
  for (const layers of shown)
    for (const slots of [layers / 4, layers / 2, (3 * layers) / 4, layers - 1].map(Math.floor)) {
      const c = cycles.find((c) => c.layers === layers && c.slots === slots)
      rows.push([
        ...[layers, slots, c.adaptive, c.adaptivePrefetch, c.lru].map(String),
        c.belady.toFixed(2),
      ])
    }
  return `${cycles.length} pairs of N = ${Math.min(...sizes)} … ${Math.max(...sizes)} layers and C = 1 … N slots were counted: ${cycles.length - off.length} of them
miss exactly what is promised above. Without reading ahead the cache is at most ${above.toFixed(3)} misses per pass above
Belady's optimum, which knows the future and moves its layers around. Some of the pairs:

${markdownTable(rows)}`
}

/** A thousand records of the same keys, in a fifth of the bytes. */
function columnsOf(records) {
  return { columns: Object.keys(records[0]), rows: records.map((record) => Object.values(record)) }
}

// ---- all of it

function factsOf({ rounds, mimalloc }) {
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commitOf(),
    command: 'node bench/memory.mjs',
    machine: machineOf(),
    mimalloc: mimalloc.version ?? `not measured: ${mimalloc.why}`,
    method: `native; best of ${rounds} interleaved rounds of five runs; the same operations for all (bench/memory.c)`,
  }
}

function textOf({ strategies, decode, placements, cycles, mimalloc, facts }) {
  return `${facts.date}, commit ${facts.commit}, ${facts.machine}; mimalloc ${facts.mimalloc}; ${facts.method}.

### Strategies on a fixed churn

An operation is an allocation or a free. The traces: \`mixed\` has sizes of 16 bytes to 64 KiB, three of four objects
short-lived; \`small\` the same up to 1 KiB; \`fixed\` the same with one size; in \`phases\` all objects of a phase end
together. Overhead is what is reserved beyond the most bytes that were live: for a strategy under the smallest budget
in which the trace succeeds, for malloc and mimalloc by what the process grew. Fragmentation is that of
\`fragmentation_ratio\`, at the end of the churn; malloc does not tell.

![overhead and fragmentation after the churn](memory-bench.svg)

${strategyTable(strategies, mimalloc)}

### Tracking on and off

${trackingTable(strategies)}

${decodeText(decode)}

### The scheduler's peak against the lower bound

The bound is the most bytes of outputs that are needed at one turn; no placement can be below it. Mean and worst are
peak / bound. The last column: what MEMORY_OPT saves against the order of the layers' numbers.

${schedulerTable(placements)}

### Misses per pass against the optimum

${residencyText(cycles)}
`
}

function writeDocs(text, plot, json) {
  writeSection('memory.md', 'bench', text)
  writeFileSync(join(ROOT, 'docs', 'memory-bench.svg'), plot)
  writeJson('memory-bench.json', json)
  console.log('written: docs/memory.md, docs/memory-bench.svg, docs/memory-bench.json')
}

/** Measures, prints, and without `quick` writes. */
export function measureMemory({ quick = false } = {}) {
  execFileSync(join(ROOT, 'tools/build'), ['native-release'], { stdio: ['ignore', 2, 2] })
  const mimalloc = prepareMimalloc()
  const rounds = quick ? 1 : 3
  const strategies = measureStrategies({ rounds, mimalloc })
  const model = join(ROOT, 'models/storyteller/storyteller-q8_0.gguf')
  const [decode] = linesOf('tinyai-tracking-bench', [model])
  const placements = linesOf('tinyai-scheduler-bench')
  const cycles = linesOf('tinyai-residency-bench')
  const facts = factsOf({ rounds, mimalloc })
  const text = textOf({ strategies, decode, placements, cycles, mimalloc, facts })
  console.log(text)
  if (!quick)
    writeDocs(text, strategyPlot(strategies), {
      ...facts,
      strategies,
      decode,
      placements,
      missesPerPass: columnsOf(cycles),
    })
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  measureMemory(parseArgs({ options: { quick: { type: 'boolean' } } }).values)
}
