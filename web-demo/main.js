// The page: which model, what its plan is, loading it and letting it write. It shows what plan() and stats() say and
// computes no number of its own but tokens per second. Every Stats it shows is also sent as the event 'tinyai:stats'.
import { load, plan } from '../dist/index.js'
import { moveWithSlider, showMovable } from './budget-now.js'
import { headerSource } from './header-source.js'
import { showPlanned, showStats } from './live-view.js'
import { budgetAt, mostOf, showBudget, showCurve, showNoPlan, showPlan } from './plan-view.js'
import { openOnRequest } from './report-view.js'

const BUNDLED = new URL('../models/storyteller/storyteller-q8_0.gguf', import.meta.url)
const CHAT = (request) => `<|user|>${request}<|end|><|assistant|>`
const EXAMPLES = [
  ['A little rabbit', 'Once upon a time, there was a little rabbit who'],
  ['A fox and a lantern', CHAT('Tell me a story about a fox and a lantern.')],
  ['A lost kite', CHAT('Write a short story about Mia who lost her kite.')],
]
const CURVE_POINTS = 32
/** The budget may be raised later as far as this, or until everything is resident: memory is reserved for it. */
const ROOM_BYTES = 64 * 1024 * 1024

const find = (selector) => document.querySelector(selector)
const status = (words) => {
  find('#status').textContent = words
}

/** The model that was chosen: {source, planSource, wishes: options of plan()}; null while there is none. */
let choice = null
/** The newest plan of that choice, null when it cannot be planned. */
let current = null
/** {model, key}: what is loaded and with which settings. */
let loaded = null
/** Set while loading or generating: {what, abort(), done: Promise}. */
let busy = null

// ---- errors ----

const isAbort = (error) => error?.name === 'AbortError'
const codeOf = (error) => error?.code ?? error?.name ?? 'Error'

function showError(error) {
  find('#error').hidden = !error
  find('#error-code').textContent = error ? codeOf(error) : ''
  find('#error-text').textContent = error?.message ?? ''
}

function showPlanError(error) {
  current = null
  if (!loaded) showPlanned(null)
  const verdict = find('#verdict')
  const code = document.createElement('code')
  code.textContent = codeOf(error)
  verdict.dataset.state = 'misses'
  verdict.replaceChildren(code, ` ${error.message}`)
}

// ---- the plan ----

/** One plan at a time; while it is made only the newest wish is kept. `done` is when no wish is left. */
const planner = {
  wanted: null,
  running: false,
  done: Promise.resolve(),
  ask(options) {
    this.wanted = { choice, options }
    if (!this.running) this.done = this.run()
  },
  async run() {
    this.running = true
    while (this.wanted) {
      const asked = this.wanted
      this.wanted = null
      try {
        const made = await plan(asked.choice.planSource, asked.options)
        if (asked.choice !== choice) continue
        current = made
        showPlan(made)
        if (!loaded) showPlanned(made)
        drawCurve(asked.choice, made)
      } catch (error) {
        if (asked.choice === choice) showPlanError(error)
      }
      showButtons()
    }
    this.running = false
  },
}

/** What the person asks for, on top of what was asked for before. */
function wish(changes) {
  if (!choice) return
  choice.wishes = { ...choice.wishes, ...changes }
  planner.ask(choice.wishes)
}

/** What more budget would buy: plans from the smallest budget to the one that keeps everything resident. */
async function drawCurve(forChoice, made) {
  const most = mostOf(made)
  const { contextLength, mode } = made
  const shape = `${contextLength} ${mode} ${made.minBudget} ${most}`
  if (forChoice.curve === shape || most <= made.minBudget) return
  forChoice.curve = shape
  find('#curve').setAttribute('aria-busy', 'true')
  const samples = []
  for (let i = 0; i <= CURVE_POINTS; i++) {
    const range = most - made.minBudget
    const memoryBudget = made.minBudget + Math.round((range * i) / CURVE_POINTS)
    const sample = await plan(forChoice.planSource, {
      memoryBudget,
      contextLength,
      mode,
    }).catch(() => null)
    if (forChoice !== choice || forChoice.curve !== shape) return // another model or context by now
    if (sample) samples.push(sample)
  }
  showCurve(samples)
  find('#curve').setAttribute('aria-busy', 'false')
  if (current) showPlan(current)
}

/** Makes `source` the model that the page is about. */
async function choose(source, budgetFor) {
  const mine = { source, planSource: source, wishes: {}, curve: '' }
  choice = mine
  current = null
  find('#budget-size').textContent = '–'
  delete find('#budget-size').dataset.value
  showNoPlan('Reading the header…')
  showButtons()
  try {
    const first = await plan(source)
    if (choice !== mine) return
    if (!(source instanceof Blob)) mine.planSource = headerSource(source, first)
    const memoryBudget = budgetFor?.(first) ?? first.budgetBytes
    wish({ memoryBudget, contextLength: first.contextLength, mode: find('#mode').value })
  } catch (error) {
    if (choice !== mine) return
    showPlanError(error)
    showButtons()
  }
}

const chooseNothing = (words) => {
  choice = null
  current = null
  showNoPlan(words)
  if (!loaded) showPlanned(null)
  showButtons()
}

// Served from this machine: less than the file has, so that the first story shows blocks passing through. From
// elsewhere, reading them again for each token would be a lot of traffic for a first look: what plan() chooses.
const isNear = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname)
const firstBudget = ({ minBudget, fileBytes }) => Math.max(minBudget, Math.round(fileBytes * 0.8))
const chooseBundled = () => choose(BUNDLED, isNear ? firstBudget : undefined)

function chooseFile(file) {
  find('#file-name').textContent = file.name
  find('input[value=file]').checked = true
  showFrom('file')
  choose(file)
}

function chooseUrl() {
  const text = find('#url').value.trim()
  if (!text) return chooseNothing('Enter the URL of a GGUF or TMAI file.')
  try {
    choose(new URL(text, location.href))
  } catch {
    chooseNothing(`This is not a URL: ${text}`)
  }
}

// ---- loading and generating ----

const kernels = () => find('#kernels').value
const keyOf = (made) =>
  made && `${made.budgetBytes} ${made.contextLength} ${made.mode} ${kernels()}`
const isLoaded = () =>
  loaded !== null && current !== null && loaded.choice === choice && loaded.key === keyOf(current)

function loadLabel() {
  if (busy?.what === 'load') return 'Cancel'
  if (isLoaded()) return 'Loaded'
  return loaded && loaded.choice === choice ? 'Load again with this budget' : 'Load'
}

function showButtons() {
  const fits = Boolean(current?.fits)
  find('#load').textContent = loadLabel()
  find('#load').disabled = busy?.what !== 'load' && (!fits || isLoaded())
  find('#generate').disabled = busy !== null || !fits
  find('#stop').disabled = busy?.what !== 'generate'
  find('#report-open').disabled = loaded === null
  find('#text').setAttribute('aria-busy', String(busy?.what === 'generate'))
}

/** Runs the one thing the page does at a time; `task` gets the signal that Stop and Cancel use. */
async function only(what, task) {
  const controller = new AbortController()
  showError(null)
  busy = { what, abort: () => controller.abort() }
  busy.done = (async () => {
    try {
      await task(controller.signal)
    } catch (error) {
      if (!isAbort(error)) showError(error)
      status(isAbort(error) ? 'Stopped.' : 'That did not work.')
    } finally {
      busy = null
      showButtons()
    }
  })()
  showButtons()
  await busy?.done
}

/** Shows the model's state soon, however many events ask for it: more often than this nobody can read. */
const SHOW_EVERY_MS = 100
let showTimer = 0
function showLater() {
  if (showTimer) return
  showTimer = setTimeout(() => {
    showTimer = 0
    if (loaded) showStats(loaded.model.stats())
  }, SHOW_EVERY_MS)
}

async function loadChosen(signal) {
  const asked = { choice, key: keyOf(current) }
  const { budgetBytes: memoryBudget, contextLength, mode, residentBytes } = current
  const maxMemoryBudget = Math.max(memoryBudget, Math.min(residentBytes, ROOM_BYTES))
  const settings = { memoryBudget, maxMemoryBudget, contextLength, mode, kernels: kernels() }
  status('Loading…')
  const old = loaded
  loaded = null
  showMovable(null)
  await old?.model.close()
  showPlanned(current)
  const model = await load(asked.choice.source, { ...settings, signal })
  loaded = { model, ...asked }
  model.on('memory', showLater)
  model.on('block', showLater)
  model.on('progress', showProgress)
  showStats(model.stats())
  showMovable(model)
  showButtons()
  status('Ready.')
}

function showProgress({ stage, loaded: read, total }) {
  const bar = find('#progress')
  bar.hidden = stage !== 'weights' || read >= total
  bar.max = total
  bar.value = read
}

function samplingOptions() {
  const options = {}
  for (const input of document.querySelectorAll('#options input')) {
    if (input.type === 'checkbox') options[input.name] = input.checked
    else if (input.value !== '')
      options[input.name] = input.type === 'number' ? Number(input.value) : input.value
  }
  options.seed ??= crypto.getRandomValues(new Uint32Array(1))[0]
  return options
}

/** An empty page for the text, with the prompt in front; returns how to write on. */
function startText(prompt) {
  const first = document.createElement('span')
  first.className = 'prompt'
  first.textContent = prompt.replace(/<\|\w+\|>/g, ' ').trim()
  const text = document.createTextNode('')
  const page = find('#text')
  page.replaceChildren(first, text)
  let waiting = ''
  let frame = 0
  const flush = () => {
    cancelAnimationFrame(frame)
    frame = 0
    const atEnd = page.scrollHeight - page.scrollTop - page.clientHeight < 40
    text.appendData(waiting)
    waiting = ''
    if (atEnd) page.scrollTop = page.scrollHeight
  }
  return {
    flush,
    write(more) {
      waiting += more
      frame ||= requestAnimationFrame(flush)
    },
  }
}

async function write(signal) {
  // what the setup shows is what writes: load it, if it is not what is loaded
  await planner.done
  if (!current?.fits) return // the plan says why
  if (!isLoaded()) await loadChosen(signal)
  const { model } = loaded
  const prompt = find('#prompt').value
  const options = samplingOptions()
  const page = startText(prompt)
  status('Writing…')
  try {
    for await (const piece of model.generate(prompt, { ...options, signal })) page.write(piece.text)
    const { generatedTokens } = model.stats().speed
    status(
      `Done: ${generatedTokens} tokens${options.temperature > 0 ? `, seed ${options.seed}` : ''}.`,
    )
  } finally {
    page.flush()
    find('#progress').hidden = true
    showStats(model.stats())
  }
}

// ---- what people do ----

function showFrom(from) {
  for (const part of document.querySelectorAll('[data-for]'))
    part.hidden = part.dataset.for !== from
  find('#examples').hidden = from !== 'bundled'
}

for (const radio of document.querySelectorAll('input[name=from]'))
  radio.addEventListener('change', () => {
    showFrom(radio.value)
    if (radio.value === 'bundled') return chooseBundled()
    if (radio.value === 'url') return chooseUrl()
    const [file] = find('#file').files
    file ? chooseFile(file) : chooseNothing('Choose a file to see what it takes.')
  })

find('#file').addEventListener(
  'change',
  ({ target }) => target.files[0] && chooseFile(target.files[0]),
)
find('#use-url').addEventListener('click', chooseUrl)
find('#url').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter') return
  event.preventDefault() // would submit the form
  chooseUrl()
})

addEventListener('dragover', (event) => {
  if (!event.dataTransfer.types.includes('Files')) return
  event.preventDefault()
  document.body.classList.add('dragging')
})
addEventListener('dragleave', (event) => {
  if (!event.relatedTarget) document.body.classList.remove('dragging')
})
addEventListener('drop', (event) => {
  document.body.classList.remove('dragging')
  const [file] = event.dataTransfer.files
  if (!file) return
  event.preventDefault()
  chooseFile(file)
})

find('#budget').addEventListener('input', ({ target }) => {
  if (!current) return
  const memoryBudget = budgetAt(current, Number(target.value))
  showBudget(memoryBudget)
  wish({ memoryBudget })
})
const typedBudget = () => wish({ memoryBudget: find('#budget-bytes').value.trim() })
find('#budget-bytes').addEventListener('input', typedBudget)
find('#mode').addEventListener('input', ({ target }) => wish({ mode: target.value }))
find('#kernels').addEventListener('input', showButtons) // what is loaded has others
find('#context').addEventListener('input', ({ target }) => {
  if (target.value) wish({ contextLength: Number(target.value) })
})

find('#setup-form').addEventListener('submit', async (event) => {
  event.preventDefault()
  if (busy?.what === 'load') return busy.abort()
  busy?.abort()
  await busy?.done
  await planner.done
  if (current?.fits && !isLoaded()) only('load', loadChosen)
})

find('#prompt-form').addEventListener('submit', (event) => {
  event.preventDefault()
  if (!busy && current?.fits) only('generate', write)
})
find('#prompt').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey))
    find('#prompt-form').requestSubmit()
})
find('#stop').addEventListener('click', () => busy?.abort())

for (const [name, prompt] of EXAMPLES) {
  const chip = document.createElement('button')
  chip.type = 'button'
  chip.textContent = name
  chip.addEventListener('click', () => {
    find('#prompt').value = prompt
  })
  find('#examples').append(chip)
}

moveWithSlider(() => loaded && showStats(loaded.model.stats()), showError)
openOnRequest(() => loaded?.model, showError)

const host = find('#host')
host.hidden = false
host.textContent = crossOriginIsolated ? 'cross-origin isolated' : 'not isolated'
host.title = crossOriginIsolated
  ? 'The model computes with several threads.'
  : 'Works as it is, with one thread; with COOP and COEP headers it computes with several.'

status('')
find('input[name=from][value=bundled]').checked = true // browsers keep what was chosen before a reload
showFrom('bundled')
chooseBundled()
