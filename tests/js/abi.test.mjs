// js/src/abi.ts is generated; what is committed must be what the C headers say now.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { VERSION } from '../../dist/abi.js'
import { root } from './paths.mjs'

test('js/src/abi.ts is what tools/gen-abi prints (run tools/gen-abi after a change of the C headers)', () => {
  const printed = execFileSync(join(root, 'tools/gen-abi'), ['--print'], { encoding: 'utf8' })
  assert.equal(readFileSync(join(root, 'js/src/abi.ts'), 'utf8'), printed)
})

test('the package has the version of the C headers', () => {
  assert.equal(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version, VERSION)
})
