// What the tests of the demo page share: its server, its steps, and what Node says for the same model.
import { mkdir, rename, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { load } from '../../dist/index.js'
import { makeModel } from '../models/make-model.mjs'

export const root = fileURLToPath(new URL('../../', import.meta.url))
export const bundled = `${root}models/storyteller/storyteller-q8_0.gguf`
export const screenshots = `${root}build/screenshots/`
export const PROMPT = 'Once upon a time, there was a little rabbit who'
export const CONTEXT = 512 // what the page takes for the bundled model
export const BUDGET = 3_000_000 // below the size of the bundled file

/** {name: folder} as serve() takes it: what the demo's own server shows, and `more`. */
export const demoFolders = (more = {}) => ({
  'web-demo': `${root}web-demo`,
  dist: `${root}dist`,
  models: `${root}models`,
  ...more,
})

/** The 135M shape, made once and kept in build/models. */
export async function big135m() {
  const path = `${root}build/models/135m-q4_0.gguf`
  if (!(await stat(path).catch(() => null))) {
    await mkdir(`${root}build/models`, { recursive: true })
    const unfinished = `${path}.${process.pid}`
    makeModel(unfinished, { shape: '135m', type: 'Q4_0' })
    await rename(unfinished, path)
  }
  return path
}

/** What Node gives: {ids, text, logitsHash}. Options as for load() and generate(). */
export async function inNode(source, prompt, loadOptions, generateOptions) {
  const model = await load(source, loadOptions)
  try {
    const ids = []
    let text = ''
    for await (const piece of model.generate(prompt, generateOptions)) {
      ids.push(piece.id)
      text += piece.text
    }
    return { ids, text, logitsHash: model.stats().engine.logitsHash }
  } finally {
    await model.close()
  }
}

/** Opens the page and keeps a record of what it shows, from its first number on (see `record`). */
export async function openDemo(browser, url, options) {
  const page = await browser.open(`${url}web-demo/`, options)
  await page.evaluate(`(${record})()`)
  return page
}

/** Runs `body(page)`; a failure also tells the page's console and leaves a screenshot. */
export async function withPage(page, body) {
  try {
    return await body(page)
  } catch (error) {
    const name = `failed-${page.browserName}-${Date.now()}.png`
    await page.screenshot(`${screenshots}${name}`).catch(() => {})
    throw page.explain(`${error.message}\n  screenshot: build/screenshots/${name}`, error)
  } finally {
    await page.close().catch(() => {})
  }
}

// Runs in the page. Each time the page has shown a Stats, its numbers are compared with it there and then:
// window.seen = {count, stats, wrong: sentences, progress: generatedTokens of each}. It also counts the generations that
// have ended: on a fast machine they are over before a test looks again.
function record() {
  const seen = { count: 0, stats: null, wrong: [], progress: [], ended: 0 }
  window.seen = seen
  new MutationObserver((changes) => {
    seen.ended += changes.filter(({ oldValue }) => oldValue === null).length // was usable, is not
  }).observe(document.querySelector('#stop'), {
    attributeFilter: ['disabled'],
    attributeOldValue: true,
  })

  const UNITS = { B: 1, KiB: 1024, MiB: 1024 ** 2, ms: 1, s: 1000 }
  const numberIn = (text) => {
    const [, digits, fraction, unit] = /^([\d,]+(?:\.(\d+))?) ?(\S*)/.exec(text) ?? []
    const scale = UNITS[unit] ?? 1
    return {
      value: Number(digits?.replaceAll(',', '')) * scale,
      half: (scale / 10 ** (fraction?.length ?? 0)) * 0.5001,
    }
  }
  const check = (where, shown, text, value) => {
    if (shown !== String(value)) seen.wrong.push(`${where}: page has ${shown}, stats() ${value}`)
    if (typeof value !== 'number' || text === 'never') {
      if (text !== (value === 0 ? 'never' : value))
        seen.wrong.push(`${where} reads '${text}' for ${value}`)
      return
    }
    const read = numberIn(text)
    if (!(Math.abs(read.value - value) <= read.half))
      seen.wrong.push(`${where} reads '${text}' for ${value}`)
  }

  document.addEventListener('tinyai:stats', ({ detail: stats }) => {
    seen.count++
    seen.stats = stats
    seen.progress.push(stats.speed.generatedTokens)
    const shown = document.querySelectorAll('[data-stat]')
    if (shown.length < 30) seen.wrong.push(`only ${shown.length} numbers on the page`)
    for (const element of shown) {
      const path = element.dataset.stat
      const value = path.split('.').reduce((o, key) => o[key], stats)
      check(path, element.dataset.value, element.textContent, value)
    }
    for (const purpose of Object.keys(stats.memory.byPurpose))
      if (!document.querySelector(`[data-stat="memory.byPurpose.${purpose}"]`))
        seen.wrong.push(`purpose ${purpose} is not on the page`)

    const { promptTokens, promptMs, generatedTokens, generateMs } = stats.speed
    const rates = {
      promptPerSecond: promptMs > 0 ? (promptTokens * 1000) / promptMs : null,
      decodePerSecond: generateMs > 0 ? ((generatedTokens - 1) * 1000) / generateMs : null,
    }
    for (const element of document.querySelectorAll('[data-derived]')) {
      const rate = rates[element.dataset.derived]
      if (rate !== null)
        check(element.dataset.derived, element.dataset.value, element.textContent, rate)
    }

    const cells = [...document.querySelectorAll('#blocks li')]
    if (cells.length !== stats.blocks.length) seen.wrong.push(`${cells.length} cells`)
    for (const { index, state, bytes, pinned } of stats.blocks) {
      const { dataset, textContent } = cells[index]
      const words = `Block ${index}: ${state}${pinned ? ', pinned' : ''}`
      if (textContent !== words)
        seen.wrong.push(`cell ${index} reads '${textContent}', is '${words}'`)
      check(`block ${index}`, dataset.bytes, dataset.bytes, bytes)
    }
  })
}

/** Waits until there is a plan that fits and nothing else is going on. */
export const ready = (page) => page.waitFor('#verdict[data-state=fits]')

export async function setBudget(page, bytes) {
  await page.fill('#budget-bytes', bytes)
  await page.waitFor((n) => document.querySelector('#budget-size').dataset.value === n, 10_000, [
    String(bytes),
  ])
}

/** Sampling options by name, as in the page's form; always greedy, so that runs can be compared. */
export async function setSampling(page, options) {
  for (const [name, value] of Object.entries({ temperature: 0, ...options }))
    await page.set(`#options [name=${name}]`, value)
}

/** Generates to the end and returns the Stats that the page shows then, with the text. */
export async function generate(page, limit = 60_000) {
  const before = await page.evaluate('window.seen.ended')
  await page.click('#generate')
  await page.waitFor((n) => window.seen.ended > n, limit, [before])
  const result = await page.evaluate(() => ({
    stats: window.seen.stats,
    wrong: window.seen.wrong.slice(0, 5),
    updates: window.seen.count,
    steps: new Set(window.seen.progress).size,
    text: document.querySelector('#text').lastChild.data,
    status: document.querySelector('#status').textContent,
  }))
  const error = await page.text('#error')
  if (error.trim()) throw new Error(`the page reports: ${error.trim()}`)
  if (result.wrong.length)
    throw new Error(`the page's numbers differ from stats():\n  ${result.wrong.join('\n  ')}`)
  return result
}

/** Waits until some text has been written after the prompt. */
export const writing = (page) =>
  page.waitFor(() => document.querySelector('#text').lastChild.data?.length > 40)

export const finished = (page, limit) => page.waitFor('#stop[disabled]', limit)
