// The choices of kernels that were made in this page or process: the next model with the same module need not try again.
import type { KnownKernels } from './kernels-choice.js'
import type { WasmBinary } from './wasm-binary.js'

const byUrl = new Map<string, KnownKernels>()
const byBytes = new WeakMap<object, KnownKernels>()

export function knownKernels({ module }: WasmBinary): KnownKernels | undefined {
  return 'url' in module ? byUrl.get(module.url) : byBytes.get(module.bytes)
}

export function rememberKernels({ module }: WasmBinary, known: KnownKernels | undefined): void {
  if (!known) return
  if ('url' in module) byUrl.set(module.url, known)
  else byBytes.set(module.bytes, known)
}
