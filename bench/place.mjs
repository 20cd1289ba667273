// Where and of what a figure was measured.
import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

/** The commit that was measured, with `+` behind it where files differ from it. */
export function commitOf() {
  const git = (...args) =>
    execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    return git('rev-parse', '--short', 'HEAD').trim() + (git('status', '--porcelain') ? '+' : '')
  } catch {
    return 'none'
  }
}

export function machineOf() {
  return `${cpus()[0].model.trim()}, ${cpus().length} cores, ${process.platform}-${process.arch}`
}
