#!/usr/bin/env node
// Writes expected.mjs: what the scalar kernels give in Node at the largest budget. Only for a deliberate change of the
// numeric definition; otherwise a difference is a defect.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from '../../dist/index.js'
import { CASES, outcomeOf, TOKENS } from './cases.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const expected = {}
for (const { name, model: path, prompt, options } of CASES) {
  const model = await load(join(root, path), { ...options, kernels: 'scalar' })
  const tokens = []
  const settings = { temperature: 0, maxTokens: TOKENS, ignoreEos: true }
  for await (const { id } of model.generate(prompt, settings)) tokens.push(id)
  expected[name] = outcomeOf(tokens, model.stats())
  await model.close()
}
const text = Object.entries(expected).map(
  ([name, { tokens, logitsHash }]) => `  '${name}': {
    logitsHash: '${logitsHash}',
    // biome-ignore format: a list of numbers
    tokens: [${tokens.join(', ')}],
  },`,
)
writeFileSync(
  new URL('expected.mjs', import.meta.url),
  `// Written by tests/conformance/record.mjs.\nexport const expected = {\n${text.join('\n')}\n}\n`,
)
