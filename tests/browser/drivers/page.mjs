// What a test sees of a browser, the same in all three. A driver gives a Page the few things that need the
// browser itself (evaluate, click, upload, screenshot, close); the rest is done by evaluating in the page.
//
//   const browser = await launch()
//   const page = await browser.open(url, { width, height, colorScheme })
//   await page.click('#generate'); await page.waitFor('#stop:not([disabled])')
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const LIMIT_MS = 30_000

/** Fails with a sentence when `promise` takes longer than `ms`; what it does later is ignored. */
export async function within(ms, what, promise) {
  const timer = new AbortController()
  promise.catch(() => {})
  try {
    return await Promise.race([
      promise,
      sleep(ms, null, { signal: timer.signal }).then(() => {
        throw new Error(`${what}: no answer in ${ms} ms`)
      }),
    ])
  } finally {
    timer.abort()
  }
}

// Runs in the page.
const inPage = {
  text: (selector) => {
    const element = document.querySelector(selector)
    return element && (element.value ?? element.textContent)
  },
  // As if a person had typed or dragged: both events, and nothing at all when the element is not usable.
  set: (selector, value) => {
    const element = document.querySelector(selector)
    if (!element) return 'is not there'
    if (element.disabled) return 'is disabled'
    if (element.type === 'checkbox') {
      if (element.checked !== Boolean(value)) element.click()
      return ''
    }
    element.value = value
    if (element.value !== String(value)) return `took ${element.value} instead of ${value}`
    element.dispatchEvent(new Event('input', { bubbles: true }))
    element.dispatchEvent(new Event('change', { bubbles: true }))
    return ''
  },
}

export class Page {
  /** `own`: {version, evaluate(expression), click(selector), upload(selector, path), screenshot() -> PNG, close()}.
   * `console`: lines the page has written, kept by the driver. */
  constructor(browserName, own, console) {
    this.browserName = browserName
    this.own = own
    this.console = console
  }

  /** Of the browser, as it says itself. */
  get version() {
    return this.own.version
  }

  /** The result of an expression or of a function of the page's world, called with JSON arguments. */
  evaluate(what, args = [], ms = LIMIT_MS) {
    const call = typeof what === 'string' ? what : `(${what})(...${JSON.stringify(args)})`
    return this.run(`evaluate ${shorten(call)}`, ms, () => this.own.evaluate(call))
  }

  async click(selector, ms = LIMIT_MS) {
    await this.waitFor(`${selector}:not([disabled])`, ms)
    return this.run(`click ${selector}`, ms, () => this.own.click(selector))
  }

  fill(selector, text) {
    return this.set(selector, text)
  }

  setRange(selector, value) {
    return this.set(selector, value)
  }

  async set(selector, value) {
    const problem = await this.evaluate(`(${inPage.set})(...${JSON.stringify([selector, value])})`)
    if (problem) throw new Error(`${this.browserName}: ${selector} ${problem}`)
  }

  upload(selector, path) {
    return this.run(`upload to ${selector}`, LIMIT_MS, () => this.own.upload(selector, path))
  }

  /** The value of a form element, or the text of any other; null when there is none. */
  text(selector) {
    return this.evaluate(`(${inPage.text})(${JSON.stringify(selector)})`)
  }

  /** Waits until a selector matches, or until an expression (anything with a blank before an operator, a call
   * or `=>`) or function is true, and returns its value. */
  async waitFor(what, ms = LIMIT_MS, args = []) {
    const isSelector = typeof what === 'string' && !/=>|\(\)|\s[=!<>&|]+\s/.test(what)
    const expression = isSelector
      ? `Boolean(document.querySelector(${JSON.stringify(what)}))`
      : typeof what === 'string'
        ? what
        : `(${what})(...${JSON.stringify(args)})`
    const end = Date.now() + ms
    for (;;) {
      const value = await this.evaluate(expression, [], Math.max(end - Date.now(), 1000))
      if (value) return value
      if (Date.now() > end) throw this.explain(`waited ${ms} ms for ${shorten(String(what))}`)
      await sleep(50)
    }
  }

  async screenshot(path) {
    const png = await this.run('screenshot', LIMIT_MS, () => this.own.screenshot())
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, png)
  }

  close() {
    return within(LIMIT_MS, `${this.browserName}: close`, this.own.close())
  }

  async run(what, ms, action) {
    try {
      return await within(ms, what, action())
    } catch (error) {
      throw this.explain(error.message, error)
    }
  }

  /** An error that also tells what the page has written to its console. */
  explain(message, cause) {
    const lines = this.console.length ? this.console.slice(-40).join('\n    ') : 'nothing'
    return new Error(`${this.browserName}: ${message}\n  console of the page:\n    ${lines}`, {
      cause,
    })
  }
}

const shorten = (text) => (text.length > 160 ? `${text.slice(0, 160)}…` : text)
