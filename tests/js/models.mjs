// Generated models, made once per checkout in build/models/.
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { makeModel } from '../models/make-model.mjs'
import { root } from './paths.mjs'

/** The path of a model; options as for makeModel. */
export function cachedModel(name, options) {
  const folder = join(root, 'build/models')
  const path = join(folder, `${name}.gguf`)
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true })
    const unfinished = `${path}.${process.pid}`
    makeModel(unfinished, options)
    renameSync(unfinished, path)
  }
  return path
}

/** 30 blocks, 576 wide, 9/3 heads, 1536 FFN, 49152 tokens; 77 MB. */
export const model135m = () => cachedModel('135m-q4_0', { shape: '135m', type: 'Q4_0' })
