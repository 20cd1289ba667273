// Where the engine's modules come from: given bytes, a given address, or the files beside this module.
import { builtin, isNode } from './environment.js'
import { isNoMemory, messageOf, noMemory, TinyAIError } from './errors.js'

/** In a form that can go to a worker. */
export type WasmFile = { url: string } | { bytes: Uint8Array | ArrayBuffer }

export interface WasmModules {
  /** Runs on every host. If the caller gave it, it is the only one. */
  module: WasmFile
  /** The same with the relaxed tiers, for hosts that know relaxed SIMD. */
  relaxed: WasmFile | undefined
}

export interface WasmBinary extends WasmModules {
  /** The same with helper threads, for hosts with shared memory. */
  threaded: WasmModules | undefined
}

export function wasmBinary(
  url: string | URL | undefined,
  bytes: Uint8Array | ArrayBuffer | undefined,
): WasmBinary {
  if (bytes !== undefined) return only({ bytes })
  if (url === undefined) {
    // Each written out, so that bundlers see the file.
    return {
      module: { url: new URL('./tinyai.wasm', import.meta.url).href },
      relaxed: { url: new URL('./tinyai-relaxed.wasm', import.meta.url).href },
      threaded: {
        module: { url: new URL('./tinyai-threads.wasm', import.meta.url).href },
        relaxed: { url: new URL('./tinyai-relaxed-threads.wasm', import.meta.url).href },
      },
    }
  }
  const base =
    (globalThis as { document?: { baseURI: string } }).document?.baseURI ?? import.meta.url
  return only({ url: new URL(url, base).href })
}

function only(module: WasmFile): WasmBinary {
  return { module, relaxed: undefined, threaded: undefined }
}

/** For messages and statistics: the last part of the address. */
export function nameOf(file: WasmFile): string {
  if ('bytes' in file) return 'wasmBytes'
  const { pathname } = new URL(file.url)
  return pathname.slice(pathname.lastIndexOf('/') + 1) || file.url.slice(0, 40)
}

export async function compile(file: WasmFile): Promise<WebAssembly.Module> {
  if ('bytes' in file) return await compileBytes(file.bytes, 'wasmBytes')
  if (isNode && file.url.startsWith('file:')) return await compileFile(file.url)
  return await compileResponse(file.url)
}

async function compileFile(url: string): Promise<WebAssembly.Module> {
  const { readFile } = await builtin('node:fs/promises')
  let bytes: Uint8Array
  try {
    bytes = await readFile(new URL(url))
  } catch (cause) {
    throw notFound(url, messageOf(cause), cause)
  }
  return await compileBytes(bytes, url)
}

async function compileResponse(url: string): Promise<WebAssembly.Module> {
  let response: Response
  try {
    response = await fetch(url)
  } catch (cause) {
    throw notFound(url, messageOf(cause), cause)
  }
  if (!response.ok) throw notFound(url, `the server answered ${response.status}`)
  // Streaming needs the MIME type, which simple servers do not know.
  const type = response.headers.get('content-type') ?? ''
  if (type.startsWith('application/wasm') && 'compileStreaming' in WebAssembly) {
    return await guarded(WebAssembly.compileStreaming(response), url)
  }
  return await compileBytes(await response.arrayBuffer(), url)
}

function compileBytes(bytes: Uint8Array | ArrayBuffer, name: string): Promise<WebAssembly.Module> {
  return guarded(WebAssembly.compile(bytes as BufferSource), name)
}

async function guarded(
  module: Promise<WebAssembly.Module>,
  name: string,
): Promise<WebAssembly.Module> {
  try {
    return await module
  } catch (cause) {
    if (isNoMemory(cause)) throw noMemory(cause, name)
    const message = `${name} cannot be compiled (${messageOf(cause)}); this host must know WebAssembly SIMD, and a Content-Security-Policy must allow 'wasm-unsafe-eval'`
    throw new TinyAIError('E_UNSUPPORTED', message, { cause })
  }
}

function notFound(url: string, why: string, cause?: unknown): TinyAIError {
  const message = `${url} cannot be read (${why}); pass its address as wasmUrl or its bytes as wasmBytes`
  return new TinyAIError('E_NOT_FOUND', message, { url, cause })
}
