// Numbers for people, and the way they get into the page: an element that shows a number names it
// (data-stat="memory.peakBytes") and keeps the raw value beside the text (data-value="2097152").

const KIB = 1024
const MIB = 1024 * 1024

export function bytes(n) {
  if (n < KIB) return `${n} B`
  return n < MIB ? `${(n / KIB).toFixed(1)} KiB` : `${(n / MIB).toFixed(2)} MiB`
}

export const exact = (n) => `${n.toLocaleString('en-US')} bytes`

const time = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`)

const FORMATS = {
  bytes,
  ms: time,
  times: (n) => (n === 0 ? 'never' : `${n} times`),
  perSecond: (n) => (n === null ? '–' : n < 10 ? n.toFixed(2) : n.toFixed(1)),
}

/** Shows a raw value in an element that says how (data-format). Does nothing when it is shown already. */
export function show(element, value) {
  const raw = String(value)
  if (element.dataset.value === raw) return
  element.dataset.value = raw
  const format = FORMATS[element.dataset.format]
  element.textContent = format
    ? format(value)
    : typeof value === 'number'
      ? value.toLocaleString('en-US')
      : raw
  if (element.dataset.format === 'bytes') element.title = exact(value)
}

/** Back to how the element looked before the first value. */
export function forget(element) {
  delete element.dataset.value
  element.removeAttribute('title')
  element.textContent = '–'
}

/** 'memory.peakBytes' of {memory: {peakBytes}} */
export const at = (object, path) => path.split('.').reduce((o, key) => o[key], object)
