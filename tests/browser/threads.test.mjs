// Threads in pages: the same logits with 1 to 4 where the page is cross-origin isolated, and one with the reason where it is not.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { STRICT_CSP, serve } from '../../tools/serve.mjs'
import { CASES, TOKENS } from '../conformance/cases.mjs'
import { root, withPage } from './demo.mjs'
import * as chromium from './drivers/chromium.mjs'
import * as firefox from './drivers/firefox.mjs'
import * as webkit from './drivers/webkit.mjs'

const LIMIT = { timeout: 300_000 }
const GREEDY = { temperature: 0, maxTokens: TOKENS, ignoreEos: true }
const FOLDERS = Object.fromEntries(
  ['dist', 'models', 'tests'].map((name) => [name, `${root}${name}`]),
)
const [{ model, prompt, options, expected }] = CASES

for (const driver of [chromium, firefox, webkit])
  describe(`threads in ${driver.name}`, () => {
    let browser
    before(async () => {
      browser = await driver.launch()
    }, LIMIT)
    after(() => browser?.close(), LIMIT)

    const inPage = async (isolate, body) => {
      const server = await serve({ folders: FOLDERS, csp: STRICT_CSP, isolate })
      try {
        await withPage(
          await browser.open(`${server.url}tests/browser/pages/conformance.html`),
          async (page) => {
            await page.waitFor('typeof window.run === "function"')
            const url = server.url + model
            const run = async (load) => {
              const one = { from: 'url', url, prompt, generate: GREEDY }
              const asked = { ...one, load: { ...options, ...load } }
              return await page.evaluate((r) => window.run(r), [asked], 120_000)
            }
            await body(page, run, url)
          },
        )
      } finally {
        await server.close()
      }
    }

    test('isolated: the logits of 1 to 4', LIMIT, async (t) => {
      await inPage(true, async (page, run) => {
        const shared = await page.evaluate(() => typeof SharedArrayBuffer === 'function')
        for (const threads of [1, 2, 3, 4]) {
          const got = await run({ threads })
          assert.deepEqual({ tokens: got.ids, logitsHash: got.logitsHash }, expected, `${threads}`)
          if (!shared && threads > 1) assert.match(got.threadsReason, /shared memory/)
          else assert.deepEqual([got.threads, got.threadsReason], [threads, null])
        }
        t.diagnostic(`${driver.name}: shared memory ${shared}`)
        if (driver !== webkit) assert.ok(shared) // WebKitGTK has none so far
        const inline = await run({ threads: 2, worker: false })
        assert.equal(inline.threads, 1)
        assert.ok(inline.threadsReason)
        assert.equal(inline.logitsHash, expected.logitsHash)
      })
    })

    // Firefox, watched as it is here, can hang where a worker starts a worker and the page is slow to hear of it.
    test('helpers start while the page is busy', LIMIT, async () => {
      await inPage(true, async (page, _run, url) => {
        const shared = await page.evaluate(() => typeof SharedArrayBuffer === 'function')
        const ask = { url, load: { ...options, threads: 4 }, times: 5, taskMs: 20 }
        const got = await page.evaluate((a) => window.loadBusy(a), [ask], 120_000)
        assert.deepEqual(got, Array(5).fill(shared ? 4 : 1))
      })
    })

    test('not isolated: one, and the headers that would help', LIMIT, async () => {
      await inPage(false, async (_page, run) => {
        const got = await run({ threads: 2 })
        assert.equal(got.threads, 1)
        assert.match(got.threadsReason, /Cross-Origin-Embedder-Policy/)
        assert.equal(got.logitsHash, expected.logitsHash)
      })
    })
  })
