// The script of a helper: an instance of the engine's module on the engine's memory, which computes what the engine gives
// it until it is sent away. It waits inside the module, so it hears nothing in between.
import { builtin, isNode } from './environment.js'
import { messageOf } from './errors.js'
import type { FromHelper, ToHelper } from './helpers.js'

interface Port {
  postMessage(message: FromHelper): void
  onmessage: ((event: { data: ToHelper }) => void) | null
  close(): void
}

interface HelperExports {
  tinyai_js_use_stack(top: number): void
  tinyai_js_help(): void
  tinyai_js_helper_failed(): void
}

const port = (isNode ? (await builtin('node:worker_threads')).parentPort : globalThis) as Port

port.onmessage = ({ data }) => {
  let wasm: HelperExports
  try {
    const instance = new WebAssembly.Instance(data.module, { env: { memory: data.memory } })
    wasm = instance.exports as unknown as HelperExports
    wasm.tinyai_js_use_stack(data.stack)
  } catch (error) {
    port.postMessage({ type: 'failed', reason: messageOf(error) })
    return
  }
  port.postMessage({ type: 'ready' })
  try {
    wasm.tinyai_js_help()
  } catch {
    wasm.tinyai_js_helper_failed()
  }
  port.close()
}
