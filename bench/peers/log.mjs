// What has been measured, one JSON line each, so that an interrupted run keeps it. A log belongs to a commit and the
// package that was built; where either differs, all is measured anew.
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { commitOf, ROOT } from '../place.mjs'

const FOLDER = join(ROOT, 'build', 'bench', 'peers')

function hashOfPackage() {
  const dist = join(ROOT, 'dist')
  const hash = createHash('sha256')
  for (const name of readdirSync(dist, { recursive: true }).sort())
    if (/\.(js|wasm)$/.test(name)) hash.update(name).update(readFileSync(join(dist, name)))
  return hash.digest('hex').slice(0, 12)
}

/** {records, add(record)}; records of an earlier, interrupted run are there already unless `fresh`. */
export function openLog({ quick, kv, fresh }) {
  mkdirSync(FOLDER, { recursive: true })
  const kind = `${quick ? 'quick' : 'whole'}${kv ? `-${kv}` : ''}`
  const path = join(FOLDER, `${commitOf()}-${hashOfPackage()}-${kind}.jsonl`)
  if (fresh) rmSync(path, { force: true })
  const lines = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []
  const records = lines.filter(Boolean).map((line) => JSON.parse(line))
  if (records.length > 0)
    console.error(`bench: ${records.length} measurements are there already (--fresh drops them)`)
  return {
    records,
    add(record) {
      records.push(record)
      appendFileSync(path, `${JSON.stringify(record)}\n`)
    },
  }
}
