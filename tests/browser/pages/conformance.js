// Runs one case in this browser: window.run({from, url, prompt, load, generate}) -> what stats() and the pieces say.
import { load } from '../../../dist/index.js'

const SOURCES = {
  url: (url) => url,
  memory: async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer()),
  file: () => document.querySelector('#file').files[0], // the test has put it there
}

window.run = async ({ from, url, prompt, load: loadOptions, generate }) => {
  const ids = []
  let stage = 'source'
  // what a test that gives up will find on the console
  const tell = setInterval(() => console.warn(`${stage}, ${ids.length} tokens`), 15_000)
  try {
    const source = await SOURCES[from](url)
    stage = 'load'
    const model = await load(source, loadOptions)
    stage = 'generate'
    for await (const piece of model.generate(prompt, generate)) ids.push(piece.id)
    const { engine, memory } = model.stats()
    stage = 'close'
    await model.close()
    return {
      ids,
      logitsHash: engine.logitsHash,
      kernels: engine.kernels,
      threads: engine.threads,
      threadsReason: engine.threadsReason,
      peak: memory.peakBytes,
      planned: memory.plannedPeakBytes,
      grown: memory.grown,
    }
  } finally {
    clearInterval(tell)
  }
}

/** Keeps the page's thread busy with tasks of `ms` milliseconds until the function it gives back is called. */
function keepBusy(ms) {
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => {
    const end = performance.now() + ms
    while (performance.now() < end);
    port2.postMessage(null)
  }
  port2.postMessage(null)
  return () => port1.close()
}

/** How many threads a model has that was loaded while the page was busy, `times` times. */
window.loadBusy = async ({ url, load: options, times, taskMs }) => {
  const threads = []
  const stop = keepBusy(taskMs)
  try {
    while (threads.length < times) {
      const model = await load(url, options)
      threads.push(model.stats().engine.threads)
      await model.close()
    }
  } finally {
    stop()
  }
  return threads
}

/** What stats() says about the engine of a model that was loaded, or why it was refused. */
window.engineOf = async ({ url, load: options }) => {
  try {
    const model = await load(url, options)
    const { engine } = model.stats()
    await model.close()
    return engine
  } catch ({ code, message }) {
    return { code, message }
  }
}
