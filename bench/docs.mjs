// Sections of the documents that a measurement writes: `<!-- name -->` … `<!-- /name -->`.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './place.mjs'

/** Puts `text` between the marks of a section of docs/`file`. */
export function writeSection(file, name, text) {
  const path = join(ROOT, 'docs', file)
  const before = readFileSync(path, 'utf8')
  const section = new RegExp(`<!-- ${name} -->\\n[\\s\\S]*<!-- /${name} -->`)
  if (!section.test(before)) throw new Error(`docs/${file} has no section ${name}`)
  writeFileSync(
    path,
    before.replace(section, () => `<!-- ${name} -->\n${text}<!-- /${name} -->`),
  )
}

/** Writes docs/`file`, formatted as the linter wants it. */
export function writeJson(file, value) {
  const path = join(ROOT, 'docs', file)
  writeFileSync(path, JSON.stringify(value))
  execFileSync(join(ROOT, 'node_modules/.bin/biome'), ['format', '--write', path], {
    stdio: 'ignore',
  })
}
