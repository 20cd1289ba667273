// Where tinyai.wasm comes from: given bytes, a given address, or the file beside this module.
import { builtin, isNode } from './environment.js'
import { isNoMemory, messageOf, noMemory, TinyAIError } from './errors.js'

/** In a form that can go to a worker. */
export type WasmBinary = { url: string } | { bytes: Uint8Array | ArrayBuffer }

export function wasmBinary(
  url: string | URL | undefined,
  bytes: Uint8Array | ArrayBuffer | undefined,
): WasmBinary {
  if (bytes !== undefined) return { bytes }
  if (url === undefined) return { url: new URL('./tinyai.wasm', import.meta.url).href }
  const base =
    (globalThis as { document?: { baseURI: string } }).document?.baseURI ?? import.meta.url
  return { url: new URL(url, base).href }
}

export async function compile(binary: WasmBinary): Promise<WebAssembly.Module> {
  if ('bytes' in binary) return await compileBytes(binary.bytes, 'wasmBytes')
  if (isNode && binary.url.startsWith('file:')) return await compileFile(binary.url)
  return await compileResponse(binary.url)
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
