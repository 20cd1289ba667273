// WebKitGTK (Safari's engine), driven by selenium-webdriver through WebKitWebDriver under its own Xvfb.
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Builder, By } from 'selenium-webdriver'
import { Page } from './page.mjs'

export const name = 'webkit'

const MINI_BROWSER =
  process.env.MINI_BROWSER ??
  `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/webkit2gtk-4.1/MiniBrowser`

const SETTINGS = {
  WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1', // tests may run as root
  LIBGL_ALWAYS_SOFTWARE: '1', // with WEBKIT_DISABLE_DMABUF_RENDERER instead, screenshots never come
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/** Starts the driver as a process group of its own, so that Xvfb and all helpers end with it. */
async function startDriver(lines) {
  const port = await freePort()
  const child = spawn(
    'xvfb-run',
    ['-a', '-s', '-screen 0 1400x1200x24', 'WebKitWebDriver', `--port=${port}`],
    { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...SETTINGS } },
  )
  const failed = new Promise((_, reject) => child.once('error', reject))
  const ended = new Promise((resolve) => child.once('exit', resolve))
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => lines.push(line))

  const kill = (signal) => {
    try {
      process.kill(-child.pid, signal)
    } catch {} // it has ended
  }
  const killNow = () => kill('SIGKILL')
  process.once('exit', killNow)

  const ready = async () => {
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${port}/status`).catch(() => null)
      if (answer?.ok) return
      await sleep(100)
    }
  }
  const late = sleep(60_000, null, { ref: false }).then(() => {
    throw new Error(`WebKitWebDriver did not start:\n${lines.join('\n')}`)
  })
  const gone = ended.then((code) => {
    throw new Error(`WebKitWebDriver ended with ${code}:\n${lines.join('\n')}`)
  })
  for (const promise of [late, gone]) promise.catch(() => {})
  await Promise.race([ready(), late, gone, failed])

  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      kill('SIGTERM') // xvfb-run then takes its X server down and removes its files
      await Promise.race([ended, sleep(3000)])
      killNow()
      process.removeListener('exit', killNow)
    },
  }
}

// WebKitWebDriver does not pass on what a page writes to its console, and private sessions do not print it. So the
// page keeps its lines from here on, and each evaluate takes them along.
function keepConsole() {
  const lines = []
  window.takeConsole = () => lines.splice(0)
  for (const level of ['debug', 'log', 'info', 'warn', 'error'])
    console[level] = (...what) => lines.push(`${level}: ${what.join(' ')}`)
  addEventListener('error', (event) => lines.push(`uncaught: ${event.message}`))
  addEventListener('unhandledrejection', (event) => lines.push(`unhandled: ${event.reason}`))
}

/** A browser, one page at a time, each in a fresh session: {open(url, options) -> Page, close()}. */
export async function launch() {
  const lines = []
  const driver = await startDriver(lines)

  async function open(url, { width = 1280, height = 900 } = {}) {
    lines.length = 0
    const session = await new Builder()
      .usingServer(driver.url)
      .withCapabilities({
        browserName: 'MiniBrowser',
        'webkitgtk:browserOptions': {
          binary: MINI_BROWSER,
          args: ['--automation'],
        },
      })
      .build()
    await session.manage().setTimeouts({ script: 600_000, pageLoad: 60_000 }) // Page sets the limits
    await session.manage().window().setRect({ width, height, x: 0, y: 0 })
    await session.get(url)
    await session.executeScript(`(${keepConsole})()`)
    const version = (await session.getCapabilities()).get('browserVersion')
    return new Page(
      name,
      {
        version,
        // Not executeScript: in WebKitGTK it returns before a promise is settled.
        async evaluate(expression) {
          const [ok, value, written] = await session.executeAsyncScript(
            `const done = (ok, value) => arguments[0]([ok, value, window.takeConsole?.() ?? []]);
             (async () => (${expression}))().then((v) => done(true, v), (e) => done(false, String(e)))`,
          )
          lines.push(...written)
          if (!ok) throw new Error(value)
          return value ?? undefined
        },
        click: async (selector) => (await session.findElement(By.css(selector))).click(),
        upload: async (selector, path) =>
          (await session.findElement(By.css(selector))).sendKeys(path),
        screenshot: async () => Buffer.from(await session.takeScreenshot(), 'base64'),
        close: () => session.quit(),
      },
      lines,
    )
  }

  return { name, open, close: () => driver.close() }
}
