// The conformance cases in three browsers: the tokens and logits that were recorded, and that Node gives in this same
// test run. A few budgets each, with every source, read size and kernel among them.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { plan } from '../../dist/index.js'
import { STRICT_CSP, serve } from '../../tools/serve.mjs'
import * as cases from '../conformance/cases.mjs'
import { inFormat } from '../conformance/formats.mjs'
import { inNode, root, withPage } from './demo.mjs'
import * as chromium from './drivers/chromium.mjs'
import * as firefox from './drivers/firefox.mjs'
import * as webkit from './drivers/webkit.mjs'

const { budgetsOf, CASES, CHUNKS, FORMATS, MODES, TOKENS } = cases
const LIMIT = { timeout: 600_000 }
const SOURCES = ['url', 'file', 'memory']
const GREEDY = { temperature: 0, maxTokens: TOKENS, ignoreEos: true }
const FOLDERS = Object.fromEntries(
  ['dist', 'models', 'tests', 'build'].map((name) => [name, `${root}${name}`]),
)

/** Those that the host accepts. WebKit's validation fails so far; when it does no more, this says so. */
const kernelsOf = (driver) =>
  driver === webkit ? cases.KERNELS : [...cases.KERNELS, ...cases.RELAXED]

/** Smallest budget, one in the middle and all resident, with all kernels each; the rest turns. */
const runsOf = (made, driver) =>
  budgetsOf(made, 3).flatMap((budget, b) =>
    kernelsOf(driver).map((kernels, k) => {
      const from = SOURCES[(b + k) % SOURCES.length]
      return {
        from,
        memoryBudget: budget,
        readChunkBytes: CHUNKS[(b + 2 * k) % CHUNKS.length],
        kernels,
        mode: MODES[(b + k) % MODES.length],
        format: from === 'file' ? 'gguf' : FORMATS[(b + k) % FORMATS.length], // one file is uploaded
      }
    }),
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

    test('the kernels that are chosen', LIMIT, async (t) => {
      const url = `${server.url}tests/browser/pages/conformance.html`
      await withPage(await browser.open(url), async (page) => {
        await page.waitFor('typeof window.run === "function"')
        const [{ model, prompt }] = CASES
        const run = async (kernels) => {
          const load = { kernels, contextLength: 64 }
          const one = { from: 'url', url: server.url + model, prompt, load, generate: GREEDY }
          return await page.evaluate((r) => window.engineOf(r), [one], 60_000)
        }
        const { kernels, kernelsReason, module } = await run('auto')
        t.diagnostic(`${driver.name}: ${kernels} of ${module}, ${kernelsReason}`)
        for (const tier of cases.RELAXED) {
          const got = await run(tier)
          if (kernelsOf(driver).includes(tier)) {
            assert.equal(got.kernels, tier)
            assert.ok(kernelsReason.includes(`${tier}`), kernelsReason)
            assert.match(kernelsReason, /multiply-adds/)
            assert.equal(module, 'tinyai-relaxed.wasm')
          } else {
            assert.equal(got.code, 'E_UNSUPPORTED', JSON.stringify(got))
            assert.match(got.message, /does not know relaxed SIMD/)
            assert.deepEqual([kernels, module], ['simd128', 'tinyai.wasm'])
          }
        }
      })
    })

    for (const one of CASES)
      test(one.name, LIMIT, async () => {
        const node = await nodeGives(one)
        assert.deepEqual({ tokens: node.ids, logitsHash: node.logitsHash }, one.expected, 'Node')
        const plans = FORMATS.map((f) => plan(root + inFormat(one, f).model, one.options))
        const [made, other] = await Promise.all(plans)
        made.minBudget = Math.max(made.minBudget, other.minBudget)
        const url = `${server.url}tests/browser/pages/conformance.html`
        await withPage(await browser.open(url), async (page) => {
          await page.waitFor('typeof window.run === "function"')
          await page.upload('#file', root + one.model)
          for (const { from, format, ...options } of runsOf(made, driver)) {
            const what = JSON.stringify({ from, format, ...options })
            const run = {
              from,
              url: server.url + inFormat(one, format).model,
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
