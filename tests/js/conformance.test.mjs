// The conformance cases in Node: a file, a URL, bytes and a Blob, with and without a worker.
import { openAsBlob, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { load, plan } from '../../dist/index.js'
import { BUDGETS, KERNELS, TOKENS } from '../conformance/cases.mjs'
import { testCases } from '../conformance/run-cases.mjs'
import { root } from './paths.mjs'
import { serveFiles } from './server.mjs'

let server
before(async () => {
  server = await serveFiles(root)
})
after(() => server.close())

const SOURCES = {
  file: (path) => join(root, path),
  url: (path) => new URL(path, server.url),
  bytes: (path) => new Uint8Array(readFileSync(join(root, path))),
  blob: (path) => openAsBlob(join(root, path)),
}

let runs = 0

testCases({
  name: `Node ${process.versions.node}`,
  kernels: process.env.KERNELS?.split(',') ?? KERNELS,
  count: Number(process.env.BUDGETS ?? BUDGETS),
  sources: Object.keys(SOURCES),
  plan: ({ model, options }) => plan(join(root, model), options),
  run: async ({ model: path, prompt, options }, { budget, chunk, kernels, mode, source }) => {
    const model = await load(await SOURCES[source](path), {
      ...options,
      memoryBudget: budget,
      readChunkBytes: chunk,
      kernels,
      mode,
      worker: runs++ % 2 === 0,
    })
    try {
      const tokens = []
      const settings = { temperature: 0, maxTokens: TOKENS, ignoreEos: true }
      for await (const { id } of model.generate(prompt, settings)) tokens.push(id)
      return { tokens, stats: model.stats() }
    } finally {
      await model.close()
    }
  },
})
