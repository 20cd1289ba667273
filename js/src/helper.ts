// The script of a helper: an instance of the engine's module on the engine's memory, which computes what the engine gives
// it until it is sent away. It waits inside the module, so it hears nothing in between.
import { withParentPort } from './environment.js'
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

withParentPort<Port>((port) => {
  port.onmessage = ({ data }) => {
    help(port, data)
    port.close()
  }
})

function help(port: Port, { module, memory, stack }: ToHelper): void {
  let wasm: HelperExports
  try {
    const instance = new WebAssembly.Instance(module, { env: { memory } })
    wasm = instance.exports as unknown as HelperExports
    wasm.tinyai_js_use_stack(stack)
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
}
