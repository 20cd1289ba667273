// The conformance cases with the relaxed tiers, in a Node that knows them.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { CASES, RELAXED } from '../conformance/cases.mjs'
import { nodeWithRelaxedSimd, root } from './paths.mjs'
import { startProgram } from './start-program.mjs'

test('the same tokens and logits with relaxed kernels', async (t) => {
  const file = join(root, 'tests/js/conformance.test.mjs')
  const env = { ...process.env, KERNELS: RELAXED.join(), BUDGETS: '4' }
  delete env.NODE_TEST_CONTEXT // the other process reports for itself
  const args = ['--test-reporter=tap', file]
  const { code, stdout, stderr } = await startProgram(nodeWithRelaxedSimd, args, { env })
  assert.equal(code, 0, `${stdout}\n${stderr}`)
  const passed = Number(/^# pass (\d+)$/m.exec(stdout)?.[1])
  assert.equal(passed, CASES.length, stdout)
  t.diagnostic(`${passed} cases with ${RELAXED.join(' and ')}`)
})
