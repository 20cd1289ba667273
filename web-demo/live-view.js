// Shows Stats: memory by purpose, blocks, stream and speed. Before a model is loaded it shows what the plan reserves.
import { at, exact, forget, show } from './format.js'

const MEANINGS = {
  weights: 'Block slots: pinned and streaming',
  head: 'Output head and final norm',
  embedding: 'Embedding matrix or rows in flight',
  kv: 'Keys and values of the context',
  activations: 'Activations, scores and scratch',
  threads: 'Stacks of threads',
  tokenizer: 'Vocabulary',
  engine: 'State and directory of the file',
  program: 'Static data and stack',
  text: 'Prompt, tokens, logits and text',
  header: 'File header while it is parsed',
}

const find = (selector) => document.querySelector(selector)
const bar = find('#bar')
const purposes = find('#purposes')
const blocks = find('#blocks')
const segments = new Map()

// One part of the bar and one line of the legend per purpose.
for (const [purpose, meaning] of Object.entries(MEANINGS)) {
  const part = document.createElement('i')
  part.style.background = `var(--p-${purpose})`
  const line = document.createElement('li')
  line.title = meaning
  const key = document.createElement('i')
  key.style.background = part.style.background
  const number = document.createElement('span')
  number.dataset.format = 'bytes'
  number.textContent = '–'
  line.append(key, purpose, number)
  bar.append(part)
  purposes.append(line)
  segments.set(purpose, { part, line, number })
}

/** `byPurpose` as shares of `budget`: the free rest of the bar is what the budget leaves. */
function showPurposes(byPurpose, budget, attribute) {
  const total = Object.values(byPurpose).reduce((sum, n) => sum + n, 0)
  for (const [purpose, { part, line, number }] of segments) {
    const n = byPurpose[purpose] ?? 0
    part.style.flexGrow = n / Math.max(budget, total, 1)
    line.classList.toggle('none', n === 0)
    delete number.dataset.stat
    delete number.dataset.plan
    number.dataset[attribute] =
      attribute === 'stat' ? `memory.byPurpose.${purpose}` : `byPurpose.${purpose}`
    show(number, n)
  }
}

function showBlocks(list) {
  find('#no-blocks').hidden = list.length > 0
  while (blocks.children.length > list.length) blocks.lastChild.remove()
  while (blocks.children.length < list.length) {
    const words = document.createElement('span')
    words.className = 'unseen' // but read aloud
    const cell = document.createElement('li')
    cell.append(words)
    blocks.append(cell)
  }
  for (const { index, state, bytes, pinned } of list) {
    const cell = blocks.children[index]
    const was = cell.dataset
    if (was.state === state && was.pinned === String(pinned) && was.bytes === String(bytes))
      continue
    Object.assign(was, { index, state, bytes, pinned })
    const words = `Block ${index}: ${state}${pinned ? ', pinned' : ''}`
    cell.firstChild.textContent = words
    cell.title = `${words}; ${exact(bytes)} read`
  }
}

/** Tokens per second of the last generation, or null before there is one. */
export function speeds({ promptTokens, promptMs, generatedTokens, generateMs }) {
  return {
    promptPerSecond: promptMs > 0 ? (promptTokens * 1000) / promptMs : null,
    // the first token belongs to the prompt: generateMs is the time from the first to the last
    decodePerSecond: generateMs > 0 ? ((generatedTokens - 1) * 1000) / generateMs : null,
  }
}

/** Shows all of `stats`, then says so with an event that carries it: 'tinyai:stats'. */
export function showStats(stats) {
  showPurposes(stats.memory.byPurpose, stats.memory.budgetBytes, 'stat')
  find('#memory-kind').textContent = 'by purpose, now'
  bar.classList.remove('planned')
  for (const element of document.querySelectorAll('[data-stat]'))
    show(element, at(stats, element.dataset.stat))
  const derived = speeds(stats.speed)
  for (const element of document.querySelectorAll('[data-derived]')) {
    element.dataset.format = 'perSecond'
    show(element, derived[element.dataset.derived])
  }
  showBlocks(stats.blocks)
  document.dispatchEvent(new CustomEvent('tinyai:stats', { detail: stats }))
}

/** Without a model: what the plan would reserve, if there is one, and no other number. */
export function showPlanned(plan) {
  bar.classList.add('planned')
  find('#memory-kind').textContent = plan ? 'by purpose, planned' : 'by purpose'
  for (const element of document.querySelectorAll('[data-stat], [data-derived]')) forget(element)
  showBlocks([])
  if (plan) return showPurposes(plan.byPurpose, plan.budgetBytes, 'plan')
  showPurposes({}, 0, 'plan')
  for (const { number } of segments.values()) forget(number)
}
