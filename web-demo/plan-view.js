// Shows a Plan and the budget slider that belongs to it. The slider runs in steps from the smallest budget that fits to
// the one that keeps everything resident; the field beside it takes any number of bytes.
import { at, bytes, exact, show } from './format.js'

const find = (selector) => document.querySelector(selector)
const slider = find('#budget')
const field = find('#budget-bytes')
const context = find('#context')
const STEPS = Number(slider.max)
const PAGE = 65536

/** Budget at a slider position: both ends exact, whole pages between. */
export function budgetAt(plan, position) {
  const { minBudget, residentBytes } = plan
  if (position <= 0) return minBudget
  if (position >= STEPS) return residentBytes
  const pages = Math.round(((residentBytes - minBudget) * position) / STEPS / PAGE)
  return Math.min(minBudget + pages * PAGE, residentBytes)
}

function positionOf(plan, budget) {
  const range = Math.max(plan.residentBytes - plan.minBudget, 1)
  return Math.round(Math.min(Math.max((budget - plan.minBudget) / range, 0), 1) * STEPS)
}

/** The budget as a number and in MiB, at once: the plan follows. */
export function showBudget(budget) {
  show(find('#budget-size'), budget)
  if (document.activeElement !== field) field.value = budget
  slider.setAttribute('aria-valuetext', `${bytes(budget)}, ${exact(budget)}`)
}

function sentence(plan) {
  if (!plan.fits)
    return `Does not fit: ${bytes(plan.missingBytes)} (${exact(plan.missingBytes)}) are missing. The smallest budget for a context of ${plan.contextLength} tokens is ${exact(plan.minBudget)}.`
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
  for (const input of [slider, field, context]) input.disabled = false
  if (document.activeElement !== slider) slider.value = positionOf(plan, plan.budgetBytes)
  if (document.activeElement !== context) context.value = plan.contextLength
  context.max = plan.modelContext
  showBudget(plan.budgetBytes)
  moveDot(plan)
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
  for (const input of [slider, field, context]) input.disabled = true
  find('#curve').hidden = true
}

// ---- what more budget buys: bytes streamed per token, over the slider ----

const HEIGHT = 100
let top = 1

/** `samples`: plans of rising budgets, from the smallest to all resident. */
export function showCurve(samples) {
  const first = samples[0]
  const width = Math.max(first.residentBytes - first.minBudget, 1)
  const x = (plan) => ((plan.budgetBytes - first.minBudget) / width) * STEPS
  top = Math.max(...samples.map((plan) => plan.streamedBytesPerToken), 1)
  let line = `M0 ${y(first)}`
  // a plan holds until the next one that is better: steps, not slopes
  for (const plan of samples.slice(1)) line += `H${x(plan).toFixed(1)}V${y(plan)}`
  find('#curve .line').setAttribute('d', line)
  find('#curve .area').setAttribute('d', `${line}V${HEIGHT}H0Z`)
  find('#curve-top').textContent = `at most ${bytes(top)}`
  find('#curve').hidden = false
}

const y = (plan) => (HEIGHT - (plan.streamedBytesPerToken / top) * HEIGHT * 0.92 - 2).toFixed(1)

function moveDot(plan) {
  const dot = find('#curve .here')
  dot.style.left = `${(positionOf(plan, plan.budgetBytes) / STEPS) * 100}%`
  dot.style.top = `${y(plan)}%`
  dot.hidden = !plan.fits
}
