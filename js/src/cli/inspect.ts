// tinyai inspect: what the header of a file says, whether or not this version can run it.
import { inspect } from '../index.js'
import type { Inspection, MetadataValue, TensorInfo } from '../types.js'
import { modelOf } from './model.js'
import type { Request } from './options.js'
import { clearLine, putText, showProgress } from './terminal.js'

/** Characters of a text that people see. */
const SHOWN_TEXT = 64

export async function inspectCommand(request: Request, signal: AbortSignal): Promise<void> {
  const options = { ...request.load, signal, onProgress: showProgress }
  const header = await inspect(modelOf(request), options).finally(clearLine)
  await putText(request.json ? `${JSON.stringify(header)}\n` : report(header))
}

function report({
  format,
  version,
  alignment,
  fileBytes,
  dataOffset,
  metadata,
  tensors,
}: Inspection): string {
  const keys = Object.entries(metadata)
  const lines = [
    `${format} v${version}, ${fileBytes} bytes, ${keys.length} keys, ${tensors.length} tensors, data from byte ${dataOffset}, alignment ${alignment}`,
    '',
    ...keys.map(([key, value]) => `${key.padEnd(40)} ${show(value)}`),
    '',
    tensorLine('tensor', 'type', 'layout', 'shape (row first)', 'offset', 'bytes'),
    ...tensors.map(lineOf),
  ]
  return `${lines.join('\n')}\n`
}

function lineOf({ name, type, layout, shape, offset, bytes }: TensorInfo): string {
  return tensorLine(name, type, layout, shape.join(' x '), `${offset}`, `${bytes}`)
}

function tensorLine(
  name: string,
  type: string,
  layout: string,
  shape: string,
  offset: string,
  bytes: string,
): string {
  return `${name.padEnd(32)} ${type.padEnd(8)} ${layout.padEnd(6)} ${shape.padEnd(20)} ${offset.padStart(14)} ${bytes.padStart(14)}`
}

/** On one line. */
function show(value: MetadataValue): string {
  if (typeof value === 'object') return `${value.length} x ${value.arrayOf}`
  if (typeof value !== 'string') return `${value}`
  const short = value.slice(0, SHOWN_TEXT)
  const text = JSON.stringify(short)
  return short.length < value.length
    ? `${text.slice(0, -1)}..." (${value.length} characters)`
    : text
}
