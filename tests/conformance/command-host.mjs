// The `tinyai` command of a host without JavaScript, as a host of the conformance cases.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { TOKENS } from './cases.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** name: for messages; program: path of the command; more: members of the host for testCases. */
export function commandHost(name, program, more) {
  return {
    name,
    sources: ['file'],
    plan: (one) => start(program, ['plan', one.model, ...flags(one.options), '--json']),
    run: (one, { budget, chunk, kernels, mode }) =>
      start(program, [
        ...['run', one.model, one.prompt, ...flags(one.options), '--json', '--logits-hash'],
        ...['--temperature', '0', '--max-tokens', `${TOKENS}`, '--ignore-eos'],
        ...['--memory', `${budget}`, '--read-chunk', `${chunk}`],
        ...['--kernels', kernels, '--mode', mode],
      ]),
    ...more,
  }
}

/** Load options as the command takes them. */
function flags({ contextLength, kv, prefetch }) {
  return [
    ...(contextLength === undefined ? [] : ['--context', `${contextLength}`]),
    ...(kv === undefined ? [] : ['--kv', kv]),
    ...(prefetch === false ? ['--no-prefetch'] : []),
  ]
}

/** The JSON object that the command prints. */
function start(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let err = ''
    child.stdout.on('data', (bytes) => {
      out += bytes
    })
    child.stderr.on('data', (bytes) => {
      err += bytes
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(out))
      else reject(new Error(`${program} ${args.join(' ')}: exit code ${code}: ${err}`))
    })
  })
}
