// tinyai verify of the native command: the cases of all hosts, and its options.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { testVerify } from '../conformance/verify.mjs'
import { root } from './paths.mjs'
import { startProgram } from './start-program.mjs'

const native = join(root, 'build/native-release/tinyai')

testVerify(
  'native',
  (args) => startProgram(native, args),
  join(root, 'build/verify-native'),
  (from, to) => execFileSync(native, ['convert', from, to], { stdio: 'pipe' }),
)

test('verify takes no options of the engine', async () => {
  const { code, stderr } = await startProgram(native, ['verify', '--context', '5'])
  assert.equal(code, 2)
  assert.match(stderr, /See tinyai verify --help/)
})
