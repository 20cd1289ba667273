// Shows a Plan and the budget slider that belongs to it. The slider runs in steps from the smallest budget that fits to
// the one that keeps everything resident, or where nothing ever stays, that holds the file; the field beside it takes any
// number of bytes.
import { at, bytes, exact, show } from './format.js'

const find = (selector) => document.querySelector(selector)
const slider = find('#budget')
const field = find('#budget-bytes')
const context = find('#context')
const mode = find('#mode')
const STEPS = Number(slider.max)
const PAGE = 65536

/** The largest budget that the slider offers. */
export const mostOf = ({ residentBytes, minBudget, fileBytes }) =>
  residentBytes || minBudget + fileBytes

/** Budget at a slider position: both ends exact, whole pages between. */
export function budgetAt(plan, position) {
  const { minBudget } = plan
  const most = mostOf(plan)
  if (position <= 0) return minBudget
  if (position >= STEPS) return most
  const pages = Math.round(((most - minBudget) * position) / STEPS / PAGE)
  return Math.min(minBudget + pages * PAGE, most)
}

function positionOf(plan, budget) {
  const range = Math.max(mostOf(plan) - plan.minBudget, 1)
  return Math.round(Math.min(Math.max((budget - plan.minBudget) / range, 0), 1) * STEPS)
}

/** The budget as a number and in MiB, at once: the plan follows. */
export function showBudget(budget) {
  show(find('#budget-size'), budget)
  if (document.activeElement !== field) field.value = budget
  slider.setAttribute('aria-valuetext', `${bytes(budget)}, ${exact(budget)}`)
}

function sentence(plan) {
  if (!plan.fits) {
    const { missingBytes, minBudget, contextLength, longestContext } = plan
    const shorter = longestContext > 0 ? ` A context of ${longestContext} tokens would fit.` : ''
    return `Does not fit: ${bytes(missingBytes)} (${exact(missingBytes)}) are missing. The smallest budget for a context of ${contextLength} tokens is ${exact(minBudget)}.${shorter}`
  }
  if (plan.streamedBytesPerToken === 0) return 'Fits, and nothing is read again once it is loaded.'
  const share = Math.round((100 * plan.budgetBytes) / plan.fileBytes)
  return plan.budgetBytes < plan.fileBytes
    ? `Fits in ${share} % of the size of its file.`
    : 'Fits; part of it is streamed.'
}

export function showPlan(plan) {
  for (const element of document.querySelectorAll('#plan-numbers [data-plan]'))
    show(element, at(plan, element.dataset.plan))
  const verdict = find('#verdict')
  verdict.dataset.state = plan.fits ? 'fits' : 'misses'
  verdict.textContent = sentence(plan)
  for (const input of [slider, field, context, mode]) input.disabled = false
  find('#budget-most').textContent = plan.residentBytes ? 'everything resident' : 'the file as well'
  if (document.activeElement !== slider) slider.value = positionOf(plan, plan.budgetBytes)
  if (document.activeElement !== context) context.value = plan.contextLength
  context.max = plan.modelContext
  showBudget(plan.budgetBytes)
  showWhatItBuys(plan)
}

/** Without a model to plan for. */
export function showNoPlan(words) {
  for (const element of document.querySelectorAll('#plan-numbers [data-plan]')) {
    delete element.dataset.value
    element.textContent = '–'
  }
  const verdict = find('#verdict')
  verdict.dataset.state = 'none'
  verdict.textContent = words
  for (const input of [slider, field, context, mode]) input.disabled = true
  find('#curve').hidden = true
  find('#buys').textContent = ''
  samples = []
}

// ---- what more budget buys: over the slider as two curves, under it in words ----

const HEIGHT = 100
const FLOOR = 3 // so that a line at 0 is seen
let samples = []

const heightOf = (value, top) => HEIGHT - FLOOR - (value / Math.max(top, 1)) * (HEIGHT - 3 * FLOOR)
const most = (name) => Math.max(...samples.map((plan) => plan[name]))
const streamed = (plan) => heightOf(plan.streamedBytesPerToken, most('streamedBytesPerToken'))

/** A plan holds until the next one that is better: steps, not slopes. */
function steps(y) {
  const { minBudget } = samples[0]
  const x = (plan) => ((plan.budgetBytes - minBudget) / (mostOf(plan) - minBudget)) * STEPS
  const [first, ...rest] = samples
  return rest.reduce(
    (d, p) => `${d}H${x(p).toFixed(1)}V${y(p).toFixed(1)}`,
    `M0 ${y(first).toFixed(1)}`,
  )
}

/** `plans`: of rising budgets, from the smallest that fits to all resident. */
export function showCurve(plans) {
  samples = plans
  const line = steps(streamed)
  find('#curve .line').setAttribute('d', line)
  find('#curve .area').setAttribute('d', `${line}V${HEIGHT}H0Z`)
  const passes = most('promptTokensPerPass')
  find('#curve path.passes').setAttribute(
    'd',
    steps((plan) => heightOf(plan.promptTokensPerPass, passes)),
  )
  find('#curve').hidden = false
}

const STAGES = [
  ['one block at a time', (plan) => plan.slots >= 1],
  ['reading ahead', (plan) => plan.slots >= 2],
  ['blocks that stay', (plan) => plan.pinnedBlocks >= 1],
  ['everything in memory', (plan) => plan.streamedBytesPerToken === 0],
]

const stageOf = (plan) => STAGES.findLastIndex(([, reached]) => reached(plan))

function showWhatItBuys(plan) {
  const dot = find('#curve .here')
  dot.hidden = !plan.fits
  find('#buys').textContent = ''
  if (!plan.fits || samples[0]?.minBudget !== plan.minBudget) return
  dot.style.left = `${(positionOf(plan, plan.budgetBytes) / STEPS) * 100}%`
  dot.style.top = `${streamed(plan)}%`
  const stage = stageOf(plan)
  const next = samples.find((s) => s.budgetBytes > plan.budgetBytes && stageOf(s) > stage)
  const more = next ? ` From about ${bytes(next.budgetBytes)}: ${STAGES[stageOf(next)][0]}.` : ''
  find('#buys').textContent = `This buys ${STAGES[stage][0]}.${more}`
}
