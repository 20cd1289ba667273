// The models that are compared: three shapes with random weights, each quantized by llama.cpp's own quantizer. Made once,
// kept in build/bench/models (git-ignored, about 2 GB).
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { makeModel } from '../../tests/models/make-model.mjs'
import { buildWithLlamaCpp, VERSION } from '../llama-cpp.mjs'
import { ROOT } from '../place.mjs'
import { promptOf } from '../prompt.mjs'

/** Another one makes all files anew: to be raised when the weights or their file changes. */
const MAKE = 1
const FOLDER = join(ROOT, 'build', 'bench', 'models', `make-${MAKE}-llama-${VERSION}`)

export const TYPES = ['Q4_0', 'Q8_0', 'Q4_K_M']

/** From small to large; head and embedding are one matrix in all three. */
export const SHAPES = {
  '135m': '135M: 30 blocks, 576 wide, 9/3 heads, 1536 FFN, 49152 tokens',
  k: 'K: 12 blocks, 1024 wide, 16/4 heads, 2816 FFN, 49152 tokens',
  '05b': '0.5B: 24 blocks, 896 wide, 14/2 heads, 4864 FFN, 151936 tokens',
}
export const SHAPE_NAMES = { '135m': '135M', k: 'K', '05b': '0.5B' }
const CONTEXT = 4096
const PACKAGE = new URL('../../dist/index.js', import.meta.url)

const fileOf = (shape, type) => join(FOLDER, `${shape}-${type}.gguf`)

/** All types of a shape at once, out of F16 weights that are dropped again. */
function makeShape(shape) {
  const { path: quantize } = buildWithLlamaCpp('quantize')
  mkdirSync(FOLDER, { recursive: true })
  const weights = fileOf(shape, 'F16')
  console.error(`bench: making random weights, ${SHAPES[shape]}`)
  makeModel(weights, { shape, type: 'F16', context: CONTEXT })
  for (const type of TYPES) {
    console.error(`bench: llama.cpp quantizes them to ${type}`)
    const part = `${fileOf(shape, type)}.part`
    const threads = String(availableParallelism())
    execFileSync(quantize, [weights, part, type, threads], { stdio: ['ignore', 2, 2] })
    renameSync(part, fileOf(shape, type))
  }
  rmSync(weights)
}

/** The path of a model, which is made if it is missing. */
export function modelFile(shape, type) {
  if (!existsSync(fileOf(shape, type))) makeShape(shape)
  return fileOf(shape, type)
}

/** The share of each block type, by weights, largest first: [['Q4_0', 0.79], …]. */
export async function blockTypesOf(path) {
  const { inspect } = await import(PACKAGE)
  const { tensors } = await inspect(path)
  const weights = {}
  for (const { type, shape } of tensors)
    weights[type] = (weights[type] ?? 0) + shape.reduce((product, n) => product * n, 1)
  const all = Object.values(weights).reduce((sum, n) => sum + n, 0)
  return Object.entries(weights)
    .map(([type, n]) => [type, n / all])
    .sort(([, a], [, b]) => b - a)
}

const prompts = new Map()

/** The prompt for a model, as promptOf; the vocabulary is that of the shape. */
export async function promptFor(shape, path, count, total) {
  const key = `${shape} ${count} ${total}`
  if (!prompts.has(key)) {
    const { load } = await import(PACKAGE)
    const model = await load(path, { memoryBudget: '2GB' })
    prompts.set(key, await promptOf(model, count, total))
    await model.close()
  }
  return prompts.get(key)
}
