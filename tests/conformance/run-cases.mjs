// Registers the conformance cases as tests of one host.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CASES, FORMATS, outcomeOf, runsOf } from './cases.mjs'
import { inFormat } from './formats.mjs'

/**
 * host: {name, sources, plan(case) -> plan, run(case, run) -> {tokens, stats}}; run is {budget, chunk, kernels, mode, source};
 * case.model is a GGUF file, or the same model as TMAI.
 */
export function testCases(host) {
  for (const one of CASES) {
    describe(`the same tokens and logits: ${one.name} (${host.name})`, () => {
      test('at every budget, read size, kernel, mode, format and source', async () => {
        // Headers of the two formats differ in length, and so may the smallest budgets.
        const [plan, other] = await Promise.all(FORMATS.map((f) => host.plan(inFormat(one, f))))
        plan.minBudget = Math.max(plan.minBudget, other.minBudget)
        assert.ok(plan.minBudget < plan.fileBytes || plan.residentBytes > plan.minBudget)
        for (const run of runsOf(plan, host.sources, host)) {
          const { tokens, stats } = await host.run(inFormat(one, run.format), run)
          const what = JSON.stringify(run)
          assert.deepEqual(outcomeOf(tokens, stats), one.expected, what)
          assert.ok(stats.memory.peakBytes <= run.budget, what)
          assert.equal(stats.memory.peakBytes, stats.memory.plannedPeakBytes, what)
          if (run.kernels !== 'simd128' || host.simd !== false) {
            assert.equal(stats.engine.kernels, run.kernels, what)
          }
        }
      })
    })
  }
}
