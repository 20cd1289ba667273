// Started by kernels-modules.test.mjs in some Node: loads a model with each of some options, and prints what came of it.
//   node kernels-child.mjs DIST '[{OPTIONS}...]'    wasmBytes: the name of a file
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundled } from './paths.mjs'

const [dist, cases] = process.argv.slice(2)
const { load, plan } = await import(pathToFileURL(join(dist, 'index.js')))

async function outcome({ wasmBytes, wasmUrl, ...rest }) {
  const options = { contextLength: 64, ...rest }
  if (wasmUrl) options.wasmUrl = pathToFileURL(join(dist, wasmUrl))
  if (wasmBytes) options.wasmBytes = readFileSync(join(dist, wasmBytes))
  try {
    const { peakBytes } = await plan(bundled, options)
    const model = await load(bundled, options)
    const { engine, memory } = model.stats()
    await model.close()
    const { kernels, kernelsReason, module } = engine
    return { kernels, kernelsReason, module, planned: peakBytes === memory.plannedPeakBytes }
  } catch ({ code, message }) {
    return { code, message }
  }
}

const results = []
for (const one of JSON.parse(cases)) results.push(await outcome(one))
console.log(JSON.stringify(results))
