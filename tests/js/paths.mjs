// Where things are.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))
export const bundled = join(root, 'models/storyteller/storyteller-q8_0.gguf')
export const vectors = join(root, 'tests/vectors/storyteller')
export const command = join(root, 'dist/cli.js')

/** A file of the storyteller by its name in golden.json. */
export function storyteller(name) {
  return name.endsWith('q8_0.gguf') ? bundled : join(vectors, name)
}

/** A Node that knows relaxed SIMD, whichever runs the tests: tools/setup --test has put it there. */
export const nodeWithRelaxedSimd = join(root, '.toolchain/node/bin/node')
