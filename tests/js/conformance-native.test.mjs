// The conformance cases natively, with each kind of kernels that this machine has.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { commandHost } from '../conformance/command-host.mjs'
import { testCases } from '../conformance/run-cases.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const program = `${root}build/native-release/tinyai`

/** Whether the command has these kernels; it says so when it opens a model. */
function has(kernels) {
  const args = ['run', 'models/storyteller/storyteller-q8_0.gguf', 'a', '--max-tokens', '1']
  const { status, stderr } = spawnSync(program, [...args, '--kernels', kernels], {
    cwd: root,
    encoding: 'utf8',
  })
  if (status !== 0 && !stderr.includes(`${kernels} kernels need`)) throw new Error(stderr)
  return status === 0
}

const kernels = ['scalar', 'avx2', 'avx-vnni', 'avx512-vnni', 'neon'].filter(has)
testCases(commandHost(`native, ${kernels.join(' and ')}`, program, { kernels }))
