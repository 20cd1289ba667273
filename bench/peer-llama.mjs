#!/usr/bin/env node
// Native llama.cpp, to measure against: the prebuilt libraries of npm node-llama-cpp at one pinned version, fetched on
// first use into build/bench (git-ignored). The same package carries the sources of exactly that llama.cpp as a git
// bundle; the headers out of it are what peer-llama.c is compiled against, so the two cannot differ.
//
//   node bench/peer-llama.mjs MODEL [--prompt 256] [--generate 64] [--repeats 3] [--threads 1]   -> one JSON line
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const VERSION = '3.22.1' // of node-llama-cpp; it decides which llama.cpp
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
function fetchPeer(folder, library) {
  const work = `${folder}.part`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  console.error(`peer-llama: fetching node-llama-cpp ${VERSION} (about 50 MB, once)`)
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

let program // of this process, once it is built

/** Returns the path of the built program and its libraries; fetches and compiles what is missing. */
export function preparePeer() {
  if (program) return program
  const platform = `${process.platform}-${process.arch}`
  const library = LIBRARIES[platform]
  if (!library) throw new PeerUnavailable(`no prebuilt llama.cpp is known for ${platform}`)
  const folder = join(HERE, '..', 'build', 'bench', `llama-${VERSION}-${platform}`)
  if (!existsSync(folder)) fetchPeer(folder, library)

  const lib = join(folder, 'lib')
  const names = readdirSync(lib).filter((n) =>
    /^lib(llama|ggml|ggml-base)(\.v[\d.]+)?\.(so|dylib)$/.test(n),
  )
  const path = join(folder, 'peer-llama')
  run('compiling peer-llama.c', 'cc', [
    '-std=gnu11',
    '-O2',
    '-Wall',
    '-Wextra',
    '-o',
    path,
    join(HERE, 'peer-llama.c'),
    '-I',
    join(folder, 'include', 'include'),
    '-I',
    join(folder, 'include', 'ggml', 'include'),
    ...names.map((n) => join(lib, n)),
    `-Wl,-rpath,${lib}`,
  ])
  program = { path, lib }
  return program
}

/**
 * Measures a model file: {prefill_tps, decode_tps, prompt_tokens, generated_tokens, threads, llama_cpp, cpu, version,
 * ids, margins}. `ids` in the options are the prompt's tokens; without them they are spread over the vocabulary.
 */
export function measurePeer(
  model,
  { prompt = 256, generate = 64, repeats = 3, threads = 1, ids = [] } = {},
) {
  const { path, lib } = preparePeer()
  const args = [lib, model, prompt, generate, repeats, threads].map(String)
  const done = spawnSync(path, args, { input: ids.join(' '), encoding: 'utf8', maxBuffer: 1 << 24 })
  const why = done.error?.message || `peer-llama ended by ${done.signal}`
  if (done.status !== 0) throw new Error((done.stderr ?? '').trim() || why)
  return { ...JSON.parse(done.stdout), version: `node-llama-cpp ${VERSION}` }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const number = { type: 'string' }
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { prompt: number, generate: number, repeats: number, threads: number },
    })
    if (positionals.length !== 1)
      throw new Error(
        'usage: peer-llama.mjs MODEL [--prompt N] [--generate N] [--repeats N] [--threads N]',
      )
    const counts = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, Number(value)]),
    )
    console.log(JSON.stringify(measurePeer(positionals[0], counts)))
  } catch (error) {
    const what = error instanceof PeerUnavailable ? 'native llama.cpp is not available here: ' : ''
    console.error(`${what}${error.message}`)
    process.exitCode = 1
  }
}
