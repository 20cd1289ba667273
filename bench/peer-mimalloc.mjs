// mimalloc, to measure against: the library of the Debian package, fetched on first use into build/bench (git-ignored)
// and preloaded into the program that measures the system's malloc. Nothing is installed.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PACKAGES = ['libmimalloc3', 'libmimalloc2.0'] // the newest that this Debian has
const FOLDER = join(dirname(fileURLToPath(import.meta.url)), '..', 'build', 'bench', 'mimalloc')

function run(command, args, options) {
  return execFileSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  })
}

/** All or nothing: the folder appears by a rename. */
function fetchPackage(name) {
  const work = `${FOLDER}.part`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  run('apt-get', ['-o', 'APT::Sandbox::User=', 'download', name], { cwd: work })
  const [archive] = readdirSync(work)
  run('dpkg-deb', ['-x', archive, '.'], { cwd: work })
  renameSync(work, FOLDER)
}

/** {library, version}, or {why} where it cannot be had. */
export function prepareMimalloc() {
  let why
  for (const name of existsSync(FOLDER) ? [] : PACKAGES) {
    try {
      fetchPackage(name)
      break
    } catch (error) {
      why =
        error.code === 'ENOENT'
          ? 'no apt-get or dpkg-deb here'
          : `${error.stderr}`.trim().split('\n')[0]
    }
  }
  if (!existsSync(FOLDER)) return { why }
  const files = readdirSync(FOLDER, { recursive: true })
  const library = files.find((file) => /libmimalloc\.so\.[\d.]+$/.test(file))
  const [, version] = /_([^_]+)_[^_]+\.deb$/.exec(files.find((file) => file.endsWith('.deb')))
  return { library: join(FOLDER, library), version: decodeURIComponent(version) }
}
