// The conformance cases in three browsers: the tokens and logits that were recorded, and that Node gives in this same
// test run. A few budgets each, with every source, read size and kernel among them.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { plan } from '../../dist/index.js'
import { STRICT_CSP, serve } from '../../tools/serve.mjs'
import { budgetsOf, CASES, CHUNKS, KERNELS, MODES, TOKENS } from '../conformance/cases.mjs'
import { inNode, root, withPage } from './demo.mjs'
import * as chromium from './drivers/chromium.mjs'
import * as firefox from './drivers/firefox.mjs'
import * as webkit from './drivers/webkit.mjs'

const LIMIT = { timeout: 600_000 }
const SOURCES = ['url', 'file', 'memory']
const GREEDY = { temperature: 0, maxTokens: TOKENS, ignoreEos: true }
const FOLDERS = Object.fromEntries(
  ['dist', 'models', 'tests'].map((name) => [name, `${root}${name}`]),
)

/** Smallest budget, one in the middle and all resident, with both kernels each; the rest turns. */
const runsOf = (made) =>
  budgetsOf(made, 3).flatMap((budget, b) =>
    KERNELS.map((kernels, k) => ({
      from: SOURCES[(b + k) % SOURCES.length],
      memoryBudget: budget,
      readChunkBytes: CHUNKS[(b + 2 * k) % CHUNKS.length],
      kernels,
      mode: MODES[(b + k) % MODES.length],
    })),
  )

const inNodeOnce = new Map()
function nodeGives({ name, model, prompt, options }) {
  if (!inNodeOnce.has(name)) inNodeOnce.set(name, inNode(root + model, prompt, options, GREEDY))
  return inNodeOnce.get(name)
}

for (const driver of [chromium, firefox, webkit])
  describe(`the same tokens and logits in ${driver.name}`, () => {
    let browser, server
    before(async () => {
      server = await serve({ folders: FOLDERS, csp: STRICT_CSP })
      browser = await driver.launch()
    }, LIMIT)
    after(async () => {
      await browser?.close()
      await server?.close()
    }, LIMIT)

    for (const one of CASES)
      test(one.name, LIMIT, async () => {
        const node = await nodeGives(one)
        assert.deepEqual({ tokens: node.ids, logitsHash: node.logitsHash }, one.expected, 'Node')
        const made = await plan(root + one.model, one.options)
        const url = `${server.url}tests/browser/pages/conformance.html`
        await withPage(await browser.open(url), async (page) => {
          await page.waitFor('typeof window.run === "function"')
          await page.upload('#file', root + one.model)
          for (const { from, ...options } of runsOf(made)) {
            const what = JSON.stringify({ from, ...options })
            const run = {
              from,
              url: server.url + one.model,
              prompt: one.prompt,
              load: { ...one.options, ...options },
              generate: GREEDY,
            }
            const got = await page.evaluate((r) => window.run(r), [run], 180_000)
            assert.deepEqual({ tokens: got.ids, logitsHash: got.logitsHash }, one.expected, what)
            assert.equal(got.kernels, options.kernels, what)
            assert.ok(got.peak <= options.memoryBudget, what)
            assert.equal(got.peak, got.planned, what)
            assert.equal(got.grown, 0, what)
          }
        })
      })
  })
