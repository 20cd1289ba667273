// The drivers on a page of ten lines: when this fails, the browsers or their drivers are the reason.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { STRICT_CSP, serve } from '../../tools/serve.mjs'
import * as chromium from './drivers/chromium.mjs'
import * as firefox from './drivers/firefox.mjs'
import * as webkit from './drivers/webkit.mjs'

const pages = new URL('pages/', import.meta.url).pathname
const LIMIT = { timeout: 120_000 }

for (const driver of [chromium, firefox, webkit]) {
  describe(`driver of ${driver.name}`, LIMIT, () => {
    let server, browser, page, folder
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tinyai-driver-'))
      server = await serve({ folders: { pages }, csp: STRICT_CSP })
      browser = await driver.launch()
      page = await browser.open(`${server.url}pages/trivial.html`, { width: 800, height: 600 })
    }, LIMIT)
    after(async () => {
      await page?.close()
      await browser?.close()
      await server?.close()
      await rm(folder, { recursive: true })
    }, LIMIT)

    test('evaluates expressions, functions and promises under a strict CSP', async () => {
      assert.equal(await page.evaluate('1 + 1'), 2)
      assert.equal(await page.evaluate((a, b) => a + b, [2, 'x']), '2x')
      assert.equal(await page.evaluate(async () => (await fetch('trivial.js')).status), 200)
      assert.deepEqual(await page.evaluate(() => ({ a: [1, null, 'ä'] })), { a: [1, null, 'ä'] })
    })

    test('fills, clicks, waits and reads', async () => {
      await page.fill('#name', 'fox')
      await page.click('#greet')
      await page.waitFor('document.querySelector("#answer").textContent !== ""')
      assert.equal(await page.text('#answer'), 'Hello fox')
      assert.equal(await page.text('#name'), 'fox')
      await page.setRange('#amount', 7)
      assert.equal(await page.text('#answer'), 'amount 7')
    })

    test('uploads a file and takes a screenshot', async () => {
      await page.upload('#file', join(pages, 'trivial.js'))
      const { length } = await readFile(join(pages, 'trivial.js'))
      await page.waitFor((text) => document.querySelector('#answer').textContent === text, 5000, [
        `${length} bytes`,
      ])
      const path = join(folder, 'page.png')
      await page.screenshot(path)
      assert.equal((await readFile(path)).toString('latin1', 1, 4), 'PNG')
    })

    test('a failure tells what went wrong and what the page wrote', async () => {
      await assert.rejects(page.evaluate('nothing.at.all'), /nothing/)
      await assert.rejects(
        page.waitFor('#missing', 200),
        /waited 200 ms for #missing[\s\S]*greeting fox/,
      )
      await assert.rejects(page.setRange('#amount', 99), /took 10 instead of 99/)
      await assert.rejects(
        page.evaluate(() => new Promise(() => {}), [], 300),
        /no answer in 300 ms/,
      )
    })
  })
}
