// Native llama.cpp: the prebuilt libraries of npm node-llama-cpp at one pinned version, fetched on first use into
// build/bench (git-ignored). The same package carries the sources of exactly that llama.cpp as a git bundle; the headers
// out of it are what our programs are compiled against, so the two cannot differ.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const VERSION = '3.22.1' // of node-llama-cpp; it decides which llama.cpp
const LIBRARIES = {
  // the npm package with the CPU libraries, by platform
  'linux-x64': '@node-llama-cpp/linux-x64',
  'linux-arm64': '@node-llama-cpp/linux-arm64',
  'darwin-arm64': '@node-llama-cpp/mac-arm64-metal',
  'darwin-x64': '@node-llama-cpp/mac-x64',
}
const HERE = dirname(fileURLToPath(import.meta.url))

/** There is no native llama.cpp on this machine; the message says why. */
export class PeerUnavailable extends Error {}

function run(what, command, args, options) {
  try {
    return execFileSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
    })
  } catch (error) {
    const [line] = String(error.stderr ?? '')
      .trim()
      .split('\n')
    const why = error.code === 'ENOENT' ? `no '${command}' here` : line || error.message
    throw new PeerUnavailable(`${what}: ${why}`)
  }
}

/** Fetches and unpacks both packages into `folder`: lib/ and include/. All or nothing: it appears by a rename. */
function fetchLlamaCpp(folder, library) {
  const work = `${folder}.part`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  console.error(`bench: fetching node-llama-cpp ${VERSION} (about 50 MB, once)`)
  const packages = [`node-llama-cpp@${VERSION}`, `${library}@${VERSION}`]
  // The answer of `npm pack --json` names the archives in the order asked for; npm checks their hashes.
  const packed = JSON.parse(
    run('npm pack', 'npm', ['pack', '--json', '--loglevel=error', ...packages], { cwd: work }),
  )
  for (const [i, { filename }] of packed.entries()) {
    mkdirSync(join(work, `${i}`))
    run('tar', 'tar', ['xzf', filename, '-C', `${i}`], { cwd: work })
    rmSync(join(work, filename))
  }
  const sources = join(work, '0', 'package', 'llama')
  const bins = join(work, '1', 'package', 'bins')
  const build = join(bins, readdirSync(bins)[0])

  const json = (path) => JSON.parse(readFileSync(path, 'utf8'))
  const tag = json(join(sources, 'llama.cpp.info.json')).tag
  const release = json(join(build, '_nlcBuildMetadata.json')).buildOptions.llamaCpp.release
  if (tag !== release)
    throw new PeerUnavailable(`headers are of llama.cpp ${tag}, libraries of ${release}`)

  run(
    'git clone',
    'git',
    ['clone', '--quiet', '--bare', join(sources, 'gitRelease.bundle'), 'sources.git'],
    { cwd: work },
  )
  run(
    'git archive',
    'git',
    ['--git-dir=sources.git', 'archive', '--output=headers.tar', 'HEAD', 'include', 'ggml/include'],
    { cwd: work },
  )
  mkdirSync(join(work, 'include'))
  run('tar', 'tar', ['xf', 'headers.tar', '-C', 'include'], { cwd: work })
  renameSync(build, join(work, 'lib'))
  for (const leftover of ['0', '1', 'sources.git', 'headers.tar'])
    rmSync(join(work, leftover), { recursive: true })
  renameSync(work, folder)
}

/** Compiles `${name}.c` of this folder against libllama and fetches what is missing. Returns {path, lib}. */
export function buildWithLlamaCpp(name) {
  const platform = `${process.platform}-${process.arch}`
  const library = LIBRARIES[platform]
  if (!library) throw new PeerUnavailable(`no prebuilt llama.cpp is known for ${platform}`)
  const folder = join(HERE, '..', 'build', 'bench', `llama-${VERSION}-${platform}`)
  if (!existsSync(folder)) fetchLlamaCpp(folder, library)

  const lib = join(folder, 'lib')
  const names = readdirSync(lib).filter((n) =>
    /^lib(llama|ggml|ggml-base)(\.v[\d.]+)?\.(so|dylib)$/.test(n),
  )
  const path = join(folder, name)
  run(`compiling ${name}.c`, 'cc', [
    '-std=gnu11',
    '-O2',
    '-Wall',
    '-Wextra',
    '-o',
    path,
    join(HERE, `${name}.c`),
    '-I',
    join(folder, 'include', 'include'),
    '-I',
    join(folder, 'include', 'ggml', 'include'),
    ...names.map((n) => join(lib, n)),
    `-Wl,-rpath,${lib}`,
  ])
  return { path, lib }
}
