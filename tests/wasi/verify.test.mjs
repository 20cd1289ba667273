// tinyai verify under wasmtime, through tools/wasi-run.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { testVerify } from '../conformance/verify.mjs'
import { root } from '../js/paths.mjs'
import { startProgram } from '../js/start-program.mjs'

const launcher = join(root, 'tools/wasi-run')

testVerify(
  'wasi',
  (args) => startProgram(launcher, args),
  join(root, 'build/verify-wasi'),
  (from, to) => execFileSync(join(root, 'build/native-release/tinyai'), ['convert', from, to]),
)
