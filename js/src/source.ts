// From what the caller gives (a path, a URL, a Blob, bytes, an object) to a source of bytes in the engine's thread.
import type { ByteSource } from './byte-source.js'
import { isNode } from './environment.js'
import { TinyAIError } from './errors.js'
import { BytesSource } from './sources/bytes.js'
import type { Traffic } from './traffic.js'
import type { ModelSource, Source } from './types.js'

/** A source in a form that can go to another thread; `local` ones stay, and are asked for bytes from there. */
export type SourceSpec =
  | { kind: 'file'; path: string }
  | { kind: 'url'; href: string }
  | { kind: 'blob'; blob: Blob; name: string; identity: string }
  | { kind: 'local'; source: Source; name: string }

export function toSpec(source: ModelSource): SourceSpec {
  if (typeof source === 'string') return textSpec(source)
  if (source instanceof URL) return urlSpec(source)
  if (source instanceof Blob) return blobSpec(source)
  if (source instanceof Uint8Array)
    return { kind: 'local', source: new BytesSource(source), name: 'bytes' }
  return { kind: 'local', source: checkSource(source), name: 'source' }
}

/** Each kind is imported when it is asked for, so that a page loads the one it reads from. */
export async function openSource(
  spec: SourceSpec,
  traffic: Traffic,
  signal: AbortSignal,
): Promise<ByteSource> {
  switch (spec.kind) {
    case 'file': {
      const { FileSource } = await import('./sources/file-node.js')
      return await FileSource.open(spec.path, traffic)
    }
    case 'url': {
      const { UrlSource } = await import('./sources/url.js')
      return await UrlSource.open(spec.href, traffic, signal)
    }
    case 'blob': {
      const { BlobSource } = await import('./sources/blob.js')
      return await BlobSource.open(spec.blob, spec.name, spec.identity, traffic)
    }
    case 'local': {
      const { CustomSource } = await import('./sources/custom.js')
      return await CustomSource.open(spec.source, spec.name, traffic)
    }
  }
}

function textSpec(text: string): SourceSpec {
  if (text === '')
    throw new TinyAIError('E_ARGUMENT', 'source is an empty string: pass a path or URL')
  if (/^(https?|file|blob):/i.test(text)) return urlSpec(parseUrl(text))
  if (!isNode) return urlSpec(parseUrl(text, baseUrl()))
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) return urlSpec(parseUrl(text))
  return { kind: 'file', path: text }
}

/** A page's own address; a worker's is that of its script, which relative paths are not meant from. */
function baseUrl(): string | undefined {
  return (
    (globalThis as { document?: { baseURI: string } }).document?.baseURI ??
    globalThis.location?.href
  )
}

function parseUrl(text: string, base?: string): URL {
  try {
    return new URL(text, base)
  } catch (cause) {
    throw new TinyAIError('E_ARGUMENT', `source is not a URL: ${text}`, { url: text, cause })
  }
}

function urlSpec(url: URL): SourceSpec {
  if (/^(https?|blob):$/.test(url.protocol)) return { kind: 'url', href: url.href }
  if (url.protocol !== 'file:') {
    const message = `${url.href}: a ${url.protocol} URL cannot be read; http:, https: and file: can`
    throw new TinyAIError('E_ARGUMENT', message, { url: url.href })
  }
  if (!isNode) {
    const message = `${url.href}: a browser cannot read file: URLs; pass the File of an <input type="file">`
    throw new TinyAIError('E_UNSUPPORTED', message, { url: url.href })
  }
  return { kind: 'file', path: url.href } // made a path where it is opened: that takes a Node module
}

function blobSpec(blob: Blob): SourceSpec {
  const { name = 'Blob', lastModified = 0 } = blob as Partial<File>
  return { kind: 'blob', blob, name, identity: `${name} ${blob.size} ${lastModified}` }
}

function checkSource(source: Source): Source {
  const { size, identity, read } = (source ?? {}) as Partial<Source>
  if (typeof size === 'number' && typeof identity === 'string' && typeof read === 'function') {
    if (Number.isSafeInteger(size) && size >= 0) return source
    throw new TinyAIError('E_SIZE', `source.size is ${size}: it must be the exact number of bytes`)
  }
  throw new TinyAIError(
    'E_ARGUMENT',
    'source must be a path, a URL, a Blob, a Uint8Array, or an object with size (number), identity (string) and read (function)',
  )
}
