// Chromium, driven by playwright-core.
import { chromium } from 'playwright-core'
import { Page } from './page.mjs'

export const name = 'chromium'

const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A headless browser with a fresh profile: {open(url, options) -> Page, close()}. */
export async function launch() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: FLAGS,
    chromiumSandbox: false, // tests may run as root
    timeout: 60_000,
  })

  async function open(url, { width = 1280, height = 900, colorScheme = 'light' } = {}) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme })
    const page = await context.newPage()
    const lines = []
    page.on('console', (message) => lines.push(`${message.type()}: ${message.text()}`))
    page.on('pageerror', (error) => lines.push(`uncaught: ${error.message}`))
    page.on('requestfailed', (r) =>
      lines.push(`request failed: ${r.url()} ${r.failure()?.errorText}`),
    )
    await page.goto(url)
    return new Page(
      name,
      {
        version: browser.version(),
        evaluate: (expression) => page.evaluate(expression),
        click: (selector) => page.click(selector),
        upload: (selector, path) => page.setInputFiles(selector, path),
        screenshot: () => page.screenshot(),
        close: () => context.close(),
      },
      lines,
    )
  }

  return { name, open, close: () => browser.close() }
}
