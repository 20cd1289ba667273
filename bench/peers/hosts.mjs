// Where an engine runs. Each host has `title` and measure(cell, spec) -> a result as of measure.mjs with the `version` of
// the host; it throws Absent for what the host does not have. spec: {path, counts, load, prompt: {text, ids}}.
import { execFileSync } from 'node:child_process'
import { basename, dirname, join } from 'node:path'
import { serve } from '../../tools/serve.mjs'
import { Absent, measureInNode, resultOf } from '../in-node.mjs'
import { PeerUnavailable } from '../llama-cpp.mjs'
import { measurePeer } from '../peer-llama.mjs'
import { ROOT } from '../place.mjs'
import { fetchPackage, NODE_24, WLLAMA } from './packages.mjs'

const LONGEST_MS = 590_000 // the drivers of two browsers give up after 600 s
// wllama's workers are blobs, and its glue is made from strings.
const CSP =
  "default-src 'self' blob: data:; script-src 'self' blob: 'unsafe-eval' 'wasm-unsafe-eval'; worker-src 'self' blob:"

const native = {
  title: 'native',
  async measure({ threads }, spec) {
    try {
      const result = measurePeer(spec.path, { ...spec.counts, threads, ids: spec.prompt.ids })
      return { ...result, kernels: result.cpu }
    } catch (error) {
      throw error instanceof PeerUnavailable ? new Absent(error.message) : error
    }
  },
}

function nodeHost(title, executable) {
  let program
  return {
    title,
    async measure({ threads, kernels }, spec) {
      program ??= executable()
      const version = execFileSync(program, ['--version'], { encoding: 'utf8' }).trim()
      const load = { ...spec.load, threads, kernels }
      return { ...measureInNode(program, spec.path, load, spec.counts, spec.prompt.ids), version }
    },
  }
}

/** A browser is started for each measurement, so that none begins with the memory of another. */
function browserHost(title, driverName) {
  return {
    title,
    async measure({ engine, threads, kernels }, { path, ...spec }) {
      const driver = await import(`../../tests/browser/drivers/${driverName}.mjs`)
      const folders = {
        bench: join(ROOT, 'bench'),
        dist: join(ROOT, 'dist'),
        models: dirname(path),
        ...(engine === 'wllama' ? { wllama: fetchPackage(WLLAMA) } : {}),
      }
      const server = await serve({ folders, isolate: true, csp: CSP })
      let browser
      try {
        browser = await driver.launch().catch((error) => {
          throw new Absent(`${title} does not start: ${error.message.split('\n')[0]}`)
        })
        const page = await browser.open(`${server.url}bench/peers/page.html`)
        await page.waitFor('typeof window.measure === "function"')
        const url = `${server.url}models/${basename(path)}`
        const options = { ...spec.load, threads, kernels }
        const args = [engine, { ...spec, url, threads, load: options }]
        const call = `window.measure(...${JSON.stringify(args)})`
        const answer = resultOf(await page.evaluate(call, [], LONGEST_MS))
        return { ...answer, version: page.version }
      } finally {
        await browser?.close()
        await server.close()
      }
    },
  }
}

/** Node 24, whose relaxed dot product is right. */
export const nodeWithAllTiers = () => join(fetchPackage(NODE_24), 'bin', 'node')

export const HOSTS = {
  native,
  node: nodeHost(`Node ${process.versions.node.split('.')[0]}`, () => process.execPath),
  node24: nodeHost('Node 24', nodeWithAllTiers),
  chromium: browserHost('Chromium', 'chromium'),
  firefox: browserHost('Firefox', 'firefox'),
  webkit: browserHost('WebKit', 'webkit'),
}
