// Firefox, driven by puppeteer-core over WebDriver BiDi.
import puppeteer from 'puppeteer-core'
import { Page } from './page.mjs'

export const name = 'firefox'

/** A headless browser with a fresh profile: {open(url, options) -> Page, close()}. */
export async function launch() {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
    headless: true,
    timeout: 60_000,
    protocolTimeout: 600_000, // Page sets the limits
  })

  async function open(url, { width = 1280, height = 900 } = {}) {
    const context = await browser.createBrowserContext()
    const page = await context.newPage()
    await page.setViewport({ width, height })
    const lines = []
    page.on('console', (message) => lines.push(`${message.type()}: ${message.text()}`))
    page.on('pageerror', (error) => lines.push(`uncaught: ${error.message}`))
    await page.goto(url)
    const version = (await browser.version()).replace('firefox/', '')
    return new Page(
      name,
      {
        version,
        evaluate: (expression) => page.evaluate(expression),
        click: (selector) => page.click(selector),
        upload: async (selector, path) => (await page.$(selector)).uploadFile(path),
        screenshot: () => page.screenshot(),
        close: () => context.close(),
      },
      lines,
    )
  }

  return { name, open, close: () => browser.close() }
}
