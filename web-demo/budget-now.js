// The slider that moves the budget of the loaded model, also while it writes. It runs from the smallest budget that the
// open model can go down to, to where all the memory is in use that was reserved for it.
import { bytes, exact } from './format.js'

const find = (selector) => document.querySelector(selector)
const slider = find('#now')
const STEPS = Number(slider.max)
const PAGE = 65536

let model = null
/** The newest wish that was not granted yet, or null. */
let wanted = null
let moving = false

/** Budget at a slider position: both ends exact, whole pages between. */
function budgetAt({ smallestBytes, reservedBytes }, position) {
  if (position <= 0) return smallestBytes
  if (position >= STEPS) return reservedBytes
  const pages = Math.round(((reservedBytes - smallestBytes) * position) / STEPS / PAGE)
  return Math.min(smallestBytes + pages * PAGE, reservedBytes)
}

function positionOf({ smallestBytes, reservedBytes }, budget) {
  const share = (budget - smallestBytes) / Math.max(reservedBytes - smallestBytes, 1)
  return Math.round(Math.min(Math.max(share, 0), 1) * STEPS)
}

const say = (budget) => slider.setAttribute('aria-valuetext', `${bytes(budget)}, ${exact(budget)}`)

/** `loaded`: the model that the slider is for from now on, null: none. */
export function showMovable(loaded) {
  model = loaded
  wanted = null
  const plan = model?.plan
  slider.disabled = !plan || plan.smallestBytes >= plan.reservedBytes
  find('#now-least').textContent = plan ? bytes(plan.smallestBytes) : ''
  find('#now-most').textContent = plan ? `${bytes(plan.reservedBytes)} reserved` : ''
  slider.value = plan ? positionOf(plan, plan.budgetBytes) : 0
  if (plan) say(plan.budgetBytes)
  else slider.removeAttribute('aria-valuetext')
}

/** Moves the budget where the slider is; while one move is under way only the newest wish is kept. */
export function moveWithSlider(onMoved, onError) {
  slider.addEventListener('input', async () => {
    if (!model) return
    wanted = budgetAt(model.plan, Number(slider.value))
    say(wanted)
    if (moving) return
    moving = true
    while (model && wanted !== null) {
      const budget = wanted
      wanted = null
      try {
        await model.setBudget(budget)
        onMoved()
      } catch (error) {
        if (error.code !== 'E_CLOSED') onError(error) // another model is being loaded
      }
    }
    moving = false
  })
}
