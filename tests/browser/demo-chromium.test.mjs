// The demo page in Chromium: everything a person can do with it, and its numbers against stats().
import assert from 'node:assert/strict'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { plan } from '../../dist/index.js'
import { STRICT_CSP, serve } from '../../tools/serve.mjs'
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
  root,
  screenshots,
  setBudget,
  setSampling,
  withPage,
  writing,
} from './demo.mjs'
import { launch } from './drivers/chromium.mjs'

const LIMIT = { timeout: 180_000 }
const TOKENS = 24

describe('demo page in Chromium', () => {
  let browser, server, other, folder, node
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tinyai-demo-'))
    browser = await launch()
    server = await serve({ folders: demoFolders() })
    other = await serve({ folders: { models: join(root, 'models') }, cors: true })
    node = await inNode(
      bundled,
      PROMPT,
      { memoryBudget: BUDGET, contextLength: CONTEXT },
      { temperature: 0, maxTokens: TOKENS },
    )
  }, LIMIT)
  after(async () => {
    await browser?.close()
    await server?.close()
    await other?.close()
    await rm(folder, { recursive: true })
  }, LIMIT)

  const open = (options, url = server.url) => openDemo(browser, url, options)

  async function sameAsNode(page) {
    const result = await generate(page)
    assert.equal(result.text, node.text)
    assert.equal(result.stats.engine.logitsHash, node.logitsHash)
    return result
  }

  test('shows the plan before loading, as plan() gives it, for any budget', LIMIT, async () => {
    await withPage(await open(), async (page) => {
      await ready(page)
      const shown = (name) =>
        page.evaluate(`document.querySelector('#plan-numbers [data-plan="${name}"]').dataset.value`)
      for (const budget of [BUDGET, '3MB']) {
        const expected = await plan(bundled, { memoryBudget: budget, contextLength: CONTEXT })
        await page.fill('#budget-bytes', budget)
        await page.waitFor(
          (n) => document.querySelector('#budget-size').dataset.value === n,
          10_000,
          [String(expected.budgetBytes)],
        )
        for (const name of [
          'peakBytes',
          'fileBytes',
          'blocks',
          'slots',
          'pinnedBlocks',
          'streamedBytesPerToken',
          'promptTokensPerPass',
          'longestContext',
          'modelContext',
        ])
          assert.equal(await shown(name), String(expected[name]), name)
      }

      // the ends of the slider, and one byte below the smallest budget
      const { minBudget, residentBytes } = await plan(bundled, { contextLength: CONTEXT })
      for (const [position, budget, streams] of [
        [0, minBudget, true],
        [1000, residentBytes, false],
      ]) {
        await page.setRange('#budget', position)
        await page.waitFor(`document.querySelector('#budget-bytes').value === '${budget}'`)
        await page.waitFor(
          streams
            ? () => document.querySelector('[data-plan=streamedBytesPerToken]').dataset.value > 0
            : () =>
                document.querySelector('[data-plan=streamedBytesPerToken]').dataset.value === '0',
        )
        await ready(page)
      }
      await page.fill('#budget-bytes', minBudget - 1)
      await page.waitFor('#verdict[data-state=misses]')
      assert.match(await page.text('#verdict'), /1 bytes\) are missing/)
      assert.match(await page.text('#verdict'), new RegExp(minBudget.toLocaleString('en-US')))
      await page.waitFor('#generate[disabled]')
      await page.waitFor('#load[disabled]')
    })
  })

  test(
    'loads and generates in less memory than the file has; every number equals stats()',
    LIMIT,
    async () => {
      await withPage(await open(), async (page) => {
        await ready(page)
        await setBudget(page, BUDGET)
        await page.click('#load')
        await page.waitFor(() => document.querySelector('#load').textContent === 'Loaded')
        await setSampling(page, { maxTokens: TOKENS })
        const { stats, updates } = await sameAsNode(page)
        assert.equal(stats.memory.budgetBytes, BUDGET)
        assert.ok(stats.memory.peakBytes <= BUDGET)
        assert.equal(stats.memory.peakBytes, stats.memory.plannedPeakBytes)
        assert.ok(stats.stream.misses > 0)
        assert.equal(stats.engine.variant, 'worker')
        assert.ok(updates >= 2)
      })
    },
  )

  test('stops, and can go on from there', LIMIT, async () => {
    await withPage(await open(), async (page) => {
      await ready(page)
      await setSampling(page, { maxTokens: 480, ignoreEos: true })
      await page.click('#generate')
      await writing(page)
      await page.click('#stop')
      await finished(page, 5000)
      assert.equal(await page.text('#status'), 'Stopped.')
      const { length } = await page.text('#text')
      await sleep(300)
      assert.equal((await page.text('#text')).length, length, 'nothing comes after')
      assert.ok((await page.evaluate('window.seen.stats.speed.generatedTokens')) < 480)
      await setSampling(page, { maxTokens: TOKENS, ignoreEos: false })
      await sameAsNode(page)
    })
  })

  test('another budget loads again and gives the same text', LIMIT, async () => {
    await withPage(await open(), async (page) => {
      await ready(page)
      await setSampling(page, { maxTokens: TOKENS })
      await sameAsNode(page)
      const { minBudget, residentBytes } = await plan(bundled, { contextLength: CONTEXT })
      for (const budget of [minBudget, residentBytes]) {
        await setBudget(page, budget)
        await page.waitFor(() =>
          document.querySelector('#load').textContent.startsWith('Load again'),
        )
        await page.click('#load')
        await page.waitFor(() => document.querySelector('#load').textContent === 'Loaded')
        const { stats } = await sameAsNode(page)
        assert.equal(stats.memory.budgetBytes, budget)
        assert.ok(stats.memory.peakBytes <= budget)
        if (budget === residentBytes)
          assert.ok(stats.blocks.every((block) => block.state === 'resident'))
      }
    })
  })

  test('the budget moves while it writes: blocks go and come, the text stays', LIMIT, async () => {
    const settings = { temperature: 0, maxTokens: 480, ignoreEos: true }
    const options = { memoryBudget: BUDGET, contextLength: CONTEXT }
    const alone = await inNode(bundled, PROMPT, options, settings)
    await withPage(await open(), async (page) => {
      await ready(page)
      await setBudget(page, BUDGET)
      await setSampling(page, settings)
      await page.waitFor('#now[disabled]')
      await page.click('#generate')
      await writing(page)
      const pinned = (count) =>
        page.waitFor(
          (n) => document.querySelectorAll('#blocks li[data-pinned=true]').length === n,
          10_000,
          [count],
        )
      const budget = () => page.evaluate('window.seen.stats.memory.budgetBytes')
      const budgets = []
      for (const [position, count] of [
        [1000, 5],
        [0, 0],
        [700, 2],
        [0, 0],
        [1000, 5], // and the rest without reading, which takes less time
      ]) {
        await page.setRange('#now', position)
        await pinned(count)
        budgets.push(await budget())
      }
      assert.ok(budgets[0] > budgets[2] && budgets[2] > budgets[1])
      assert.deepEqual(budgets.slice(3), [budgets[1], budgets[0]])
      await finished(page)
      const { text, stats, wrong } = await page.evaluate(() => ({
        text: document.querySelector('#text').lastChild.data,
        ...window.seen,
      }))
      assert.equal(text, alone.text)
      assert.equal(stats.engine.logitsHash, alone.logitsHash)
      assert.deepEqual(wrong, [])
      assert.ok(stats.memory.peakBytes <= budgets[0])
    })
  })

  test('every mode plans its own way and writes the same text', LIMIT, async () => {
    await withPage(await open(), async (page) => {
      await ready(page)
      await setBudget(page, 5_000_000)
      await setSampling(page, { maxTokens: TOKENS })
      for (const mode of ['normal', 'streaming', 'memory-opt', 'adaptive']) {
        const made = await plan(bundled, {
          memoryBudget: 5_000_000,
          contextLength: CONTEXT,
          mode,
        })
        await page.set('#mode', mode)
        await page.waitFor(
          (bytes) => document.querySelector('[data-plan=peakBytes]').dataset.value === bytes,
          10_000,
          [String(made.peakBytes)],
        )
        const { stats } = await sameAsNode(page)
        assert.equal(stats.engine.mode, mode)
        assert.equal(stats.memory.peakBytes, made.peakBytes)
      }
    })
  })

  test('takes the kernels that are picked, and says why', LIMIT, async () => {
    await withPage(await open(), async (page) => {
      await ready(page)
      await setSampling(page, { maxTokens: TOKENS })
      for (const kernels of ['relaxed16', 'simd128', 'auto']) {
        await page.set('#kernels', kernels)
        const { stats } = await sameAsNode(page)
        const { engine } = stats
        if (kernels !== 'auto') assert.equal(engine.kernels, kernels)
        assert.match(engine.kernelsReason, kernels === 'auto' ? /multiply-adds/ : /^asked for$/)
        assert.equal(await page.text('[data-stat="engine.kernelsReason"]'), engine.kernelsReason)
      }
    })
  })

  test('shows the memory report', LIMIT, async () => {
    await withPage(await open(), async (page) => {
      await ready(page)
      await page.waitFor('#report-open[disabled]')
      await setSampling(page, { maxTokens: TOKENS })
      const { stats } = await generate(page)
      await page.click('#report-open')
      await page.waitFor('#report[open]')
      const text = await page.text('#report-text')
      assert.match(text, /^TinyAI memory report\n/)
      assert.ok(text.includes(` ${stats.memory.currentBytes} bytes`), text)
      assert.match(text, /\nChecklist\n/)
      await page.screenshot(`${screenshots}demo-report.png`)
      await page.click('#report-close')
      await page.waitFor('#report:not([open])')
    })
  })

  test('loads a URL of another server', LIMIT, async () => {
    await withPage(await open(), async (page) => {
      await ready(page)
      await page.click('.choice label:nth-child(3)')
      await page.fill('#url', `${other.url}models/storyteller/storyteller-q8_0.gguf`)
      await page.click('#use-url')
      await ready(page)
      await setBudget(page, BUDGET)
      await setSampling(page, { maxTokens: TOKENS })
      await sameAsNode(page)
    })
  })

  test('loads a local file', LIMIT, async () => {
    await withPage(await open(), async (page) => {
      await ready(page)
      await page.upload('#file', bundled)
      await page.waitFor(() => document.querySelector('#file-name').textContent.endsWith('.gguf'))
      await ready(page)
      await setBudget(page, BUDGET)
      await setSampling(page, { maxTokens: TOKENS })
      await sameAsNode(page)
    })
  })

  test('takes a file that is dropped on it', LIMIT, async () => {
    await withPage(await open(), async (page) => {
      await ready(page)
      await page.evaluate(async () => {
        const bytes = await (await fetch('../models/storyteller/storyteller-q8_0.gguf')).blob()
        const dataTransfer = new DataTransfer()
        dataTransfer.items.add(new File([bytes], 'dropped.gguf'))
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true }))
      })
      await page.waitFor(() => document.querySelector('#file-name').textContent === 'dropped.gguf')
      await ready(page)
      assert.equal(await page.text('[data-plan=blocks]'), '5')
    })
  })

  test('errors are sentences with a code', LIMIT, async () => {
    const whole = createServer((_, response) =>
      response.writeHead(200, { 'Access-Control-Allow-Origin': '*' }).end('no ranges here'),
    )
    await new Promise((resolve) => whole.listen(0, '127.0.0.1', resolve))
    try {
      await withPage(await open(), async (page) => {
        await ready(page)
        const verdict = async () => {
          await page.waitFor('#verdict[data-state=misses]')
          await page.waitFor('#generate[disabled]')
          return page.text('#verdict')
        }
        const look = async (url) => {
          await page.click('.choice label:nth-child(3)')
          await page.fill('#url', url)
          await page.click('#use-url')
          return verdict()
        }
        assert.match(await look(`${other.url}models/missing.gguf`), /^E_\w+ .*404.*/)
        assert.match(await look(`http://127.0.0.1:${whole.address().port}/model.gguf`), /^E_\w+ .+/)

        const text = join(folder, 'not-a-model.gguf')
        await writeFile(text, 'Once upon a time')
        await page.upload('#file', text)
        assert.match(await verdict(), /^E_\w+ .+/)

        // and back to something that works: a prompt longer than the context, then a good one
        await page.click('.choice label:nth-child(1)')
        await ready(page)
        await page.fill('#prompt', 'Once upon a time '.repeat(400))
        await page.click('#generate')
        await page.waitFor('#error:not([hidden])')
        assert.equal(await page.text('#error-code'), 'E_CONTEXT')
        assert.match(await page.text('#error-text'), /\d+.*512|512.*\d+/)
        await page.fill('#prompt', PROMPT)
        await setSampling(page, { maxTokens: TOKENS })
        await sameAsNode(page)
      })
    } finally {
      whole.close()
    }
  })

  for (const isolate of [false, true])
    test(
      `works ${isolate ? 'with' : 'without'} cross-origin isolation, under a strict policy, from any folder`,
      LIMIT,
      async () => {
        // an assembled site: three folders somewhere below the root of a server
        const site = join(folder, `site-${isolate}`)
        for (const name of ['web-demo', 'dist', 'models/storyteller'])
          await cp(join(root, name), join(site, 'deep', name), { recursive: true })
        const strict = await serve({ folders: { site }, csp: STRICT_CSP, isolate })
        try {
          await withPage(await open({}, `${strict.url}site/deep/`), async (page) => {
            await ready(page)
            assert.equal(await page.evaluate('crossOriginIsolated'), isolate)
            await setSampling(page, { maxTokens: TOKENS })
            await sameAsNode(page)
            assert.deepEqual(
              page.console.filter((line) => /Security Policy|^uncaught/.test(line)),
              [],
            )
          })
        } finally {
          await strict.close()
        }
      },
    )

  test('every control has a name', LIMIT, async () => {
    await withPage(await open(), async (page) => {
      const nameless = await page.evaluate(() =>
        [...document.querySelectorAll('button, input, select, textarea, progress, [role]')]
          .filter((element) => {
            const named =
              element.getAttribute('aria-label') ?? element.getAttribute('aria-labelledby')
            const said = element.matches('button') && element.textContent.trim() !== ''
            const speaks = element.matches('[role=status], [role=alert]')
            return !named && !element.labels?.length && !said && !speaks
          })
          .map((element) => element.outerHTML),
      )
      assert.deepEqual(nameless, [])
    })
  })

  for (const [name, size] of [
    ['desktop', { width: 1280, height: 900 }],
    ['phone', { width: 390, height: 844 }],
  ])
    for (const colorScheme of ['light', 'dark'])
      test(`fits the screen: ${name}, ${colorScheme}`, LIMIT, async () => {
        await withPage(await open({ ...size, colorScheme }), async (page) => {
          await ready(page)
          await page.waitFor('#curve:not([hidden])')
          await setSampling(page, { maxTokens: 80 })
          await generate(page)
          await page.evaluate('document.activeElement.blur()')
          await page.screenshot(`${screenshots}demo-${name}-${colorScheme}.png`)
          const { wide, cut } = await page.evaluate(() => ({
            wide: document.documentElement.scrollWidth - innerWidth,
            cut: [...document.querySelectorAll('.card *')]
              .filter((e) => e.getBoundingClientRect().right > innerWidth && !e.matches('.unseen'))
              .map((e) => e.outerHTML.slice(0, 80)),
          }))
          assert.equal(wide, 0, 'nothing to scroll sideways')
          assert.deepEqual(cut, [])
          if (name === 'desktop')
            assert.equal(
              await page.evaluate('document.documentElement.scrollHeight - innerHeight'),
              0,
              'one screen',
            )
        })
      })
})
