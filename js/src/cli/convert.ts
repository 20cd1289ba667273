// tinyai convert: GGUF to TMAI and back.
import { fileURLToPath } from 'node:url'
import { convertModel, type ModelFormat } from '../convert.js'
import { TinyAIError } from '../errors.js'
import { formatSize, parseSize } from '../size.js'
import { openSource, toSpec } from '../source.js'
import { FileTarget } from '../targets/file-node.js'
import { Traffic } from '../traffic.js'
import { compile, wasmBinary } from '../wasm-binary.js'
import { modelOf } from './model.js'
import type { Request } from './options.js'
import { clearLine, note, putText, showProgress } from './terminal.js'

export async function convertCommand(request: Request, signal: AbortSignal): Promise<void> {
  const output = request.output ?? ''
  const { memoryBudget } = request.load
  const spec = toSpec(modelOf(request))
  const module = await compile(wasmBinary(undefined, undefined).module)
  const source = await openSource(spec, new Traffic(), signal)
  const input = spec.kind === 'file' ? pathOf(spec.path) : undefined
  const open = async (format: ModelFormat) => {
    checkName(output, format)
    return await FileTarget.create(output, input)
  }
  try {
    const result = await convertModel(module, source, open, {
      memoryBudget: typeof memoryBudget === 'string' ? parseSize(memoryBudget) : memoryBudget,
      layout: request.layout,
      onProgress: showProgress,
      signal,
    })
    clearLine()
    if (request.json) await putText(`${JSON.stringify(result)}\n`)
    else {
      const { format, tensors, fileBytes, peakBytes } = result
      note(
        `${output}: ${format}, ${tensors} tensors, ${formatSize(fileBytes)}; memory ${formatSize(peakBytes)}`,
      )
    }
  } finally {
    clearLine()
    await source.close()
  }
}

/** A name that promises the other format would mislead everyone after us. */
function checkName(output: string, format: ModelFormat): void {
  const other = format === 'tmai' ? 'gguf' : 'tmai'
  if (!output.toLowerCase().endsWith(`.${other}`)) return
  const message = `the input is ${other}, so the output is ${format}: give it a name that ends in .${format}`
  throw new TinyAIError('E_ARGUMENT', message)
}

function pathOf(path: string): string {
  return /^file:/i.test(path) ? fileURLToPath(path) : path
}
