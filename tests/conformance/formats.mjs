// The models of the cases in both formats: GGUF as they lie in the checkout, TMAI as `tinyai convert` makes them.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const program = join(root, 'build/native-release/tinyai')
const folder = 'build/test/tmai'

/** The path of a GGUF file as TMAI, both from the top of the checkout; converted when it is not there or old. */
export function asTmai(path) {
  const made = `${folder}/${basename(path, '.gguf')}.tmai`
  const newest = Math.max(statSync(join(root, path)).mtimeMs, statSync(program).mtimeMs)
  if (!existsSync(join(root, made)) || statSync(join(root, made)).mtimeMs < newest) {
    mkdirSync(join(root, folder), { recursive: true })
    execFileSync(program, ['convert', path, made], { cwd: root })
  }
  return made
}

/** A case with its model in one of FORMATS. */
export function inFormat(one, format) {
  return format === 'tmai' ? { ...one, model: asTmai(one.model) } : one
}
