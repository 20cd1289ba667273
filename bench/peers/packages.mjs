// npm packages that only the comparison needs: fetched on first use into build/bench, at exactly these versions.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../place.mjs'

const FOLDER = join(ROOT, 'build', 'bench', 'npm')

export const WLLAMA = { name: '@wllama/wllama', version: '3.8.1' }
/** The package `node` installs this one by a script; here it is named itself. */
export const NODE_24 = { name: `node-${process.platform}-${process.arch}`, version: '24.21.0' }

function installed(name) {
  const path = join(FOLDER, 'node_modules', name, 'package.json')
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).version : null
}

/** The folder of a package. */
export function fetchPackage({ name, version }) {
  if (installed(name) !== version) {
    console.error(`bench: fetching ${name} ${version} (once)`)
    mkdirSync(FOLDER, { recursive: true })
    const manifest = join(FOLDER, 'package.json')
    if (!existsSync(manifest)) writeFileSync(manifest, '{"private": true}\n')
    const args = ['install', '--save-exact', '--no-audit', '--no-fund', '--loglevel=error']
    execFileSync('npm', [...args, `${name}@${version}`], { cwd: FOLDER, stdio: ['ignore', 2, 2] })
  }
  return join(FOLDER, 'node_modules', name)
}
