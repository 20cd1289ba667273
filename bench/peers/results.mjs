// The records of a run put together: the best of the rounds for each cell.
import { keyOf } from './cells.mjs'

const SPEEDS = ['prefill', 'decode']

function best(results) {
  const merged = { ...results[0] }
  for (const phase of SPEEDS) {
    merged[phase] = Math.max(...results.map((r) => r[`${phase}_tps`]))
    const deep = results.filter((r) => r[`deep_${phase}_tps`] !== undefined)
    if (deep.length === 0) continue
    merged[`deep_${phase}`] = Math.max(...deep.map((r) => r[`deep_${phase}_tps`]))
    // What depth costs is only told by figures of the same minute.
    const kept = deep.map((r) => r[`deep_${phase}_tps`] / r[`${phase}_tps`])
    merged[`kept_${phase}`] = Math.max(...kept)
  }
  return merged
}

/** Each cell with {result, rounds} of what was measured, or `absent` or `failed`: why there is nothing. */
export function mergeResults(cells, records) {
  return cells.map((cell) => {
    const mine = records.filter(({ key }) => key === keyOf(cell))
    const results = mine.flatMap(({ result }) => result ?? [])
    if (results.length > 0) return { ...cell, measured: results.length, result: best(results) }
    return {
      ...cell,
      absent: mine.find(({ absent }) => absent)?.absent,
      failed: mine.find(({ failed }) => failed)?.failed,
    }
  })
}

/** The models, as 'SHAPE TYPE', for which our logits were not the same bits in all cells. */
export function differingLogits(results) {
  const first = new Map()
  const differing = new Set()
  for (const { engine, shape, type, result } of results) {
    if (engine !== 'tinyai' || !result) continue
    for (const field of ['logits_hash', 'deep_logits_hash']) {
      const key = `${shape} ${type} ${field}`
      const hash = result[field]
      if (hash === undefined) continue
      if ((first.get(key) ?? hash) !== hash) differing.add(`${shape} ${type}`)
      first.set(key, hash)
    }
  }
  return [...differing]
}

/** The result of the cell with these properties, or undefined. */
export function find(results, properties) {
  const entries = Object.entries(properties)
  return results.find((cell) => entries.every(([name, value]) => cell[name] === value))?.result
}
