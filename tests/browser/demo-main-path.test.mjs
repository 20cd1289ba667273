// The main path of the demo page in Firefox and in WebKit, which has no shared memory, no relaxed SIMD and no OPFS.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { serve } from '../../tools/serve.mjs'
import {
  BUDGET,
  bundled,
  CONTEXT,
  demoFolders,
  finished,
  generate,
  inNode,
  openDemo,
  PROMPT,
  ready,
  screenshots,
  setBudget,
  setSampling,
  withPage,
  writing,
} from './demo.mjs'
import * as firefox from './drivers/firefox.mjs'
import * as webkit from './drivers/webkit.mjs'

const LIMIT = { timeout: 180_000 }

for (const driver of [firefox, webkit])
  describe(`demo page in ${driver.name}`, () => {
    let browser, server, node
    before(async () => {
      browser = await driver.launch()
      server = await serve({ folders: demoFolders() })
      node = await inNode(
        bundled,
        PROMPT,
        { memoryBudget: BUDGET, contextLength: CONTEXT },
        { temperature: 0, maxTokens: 64 },
      )
    }, LIMIT)
    after(async () => {
      await browser?.close()
      await server?.close()
    }, LIMIT)

    test('loads the bundled model, generates what Node generates, stops', LIMIT, async () => {
      await withPage(await openDemo(browser, server.url), async (page) => {
        await ready(page)
        await setBudget(page, BUDGET)
        await page.click('#load')
        await page.waitFor(() => document.querySelector('#load').textContent === 'Loaded')
        await setSampling(page, { maxTokens: 64 })
        const { stats, text } = await generate(page)
        assert.equal(text, node.text)
        assert.equal(stats.engine.logitsHash, node.logitsHash)
        assert.ok(stats.memory.peakBytes <= BUDGET)
        assert.equal(stats.memory.peakBytes, stats.memory.plannedPeakBytes)

        await setSampling(page, { maxTokens: 480, ignoreEos: true })
        await page.click('#generate')
        await writing(page)
        await page.click('#stop')
        await finished(page, 5000)
        assert.equal(await page.text('#status'), 'Stopped.')
        await page.screenshot(`${screenshots}demo-${driver.name}.png`)
      })
    })
  })
