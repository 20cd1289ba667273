#!/usr/bin/env node
// Makes `llama` models with random weights for tests and measurements: the same options give the same bytes, on any
// machine, and a file of any size is written with a few megabytes of memory.
//
//   node tests/models/make-model.mjs --shape 135m --type Q4_0 --out FILE
//   makeModel(path, { shape: '135m', type: 'Q4_0' })     modelBytes({ shape: 'tiny' }) -> Uint8Array
import { closeSync, openSync, writeSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { placeTensors, writeGguf } from './gguf-writer.mjs'
import { randomFill } from './random-weights.mjs'
import { spmVocabulary } from './spm-vocabulary.mjs'

const shape = (blocks, embd, heads, kvHeads, ff, vocab, context, type) => {
  return { blocks, embd, heads, kvHeads, ff, vocab, context, type }
}

// Eight blocks of eight formats and six sizes; the largest is neither the first nor the last.
const mixed = {
  default: ['Q4_0', 'F16', 'Q8_0', 'Q6_K', 'Q5_0', 'F32', 'Q4_K', 'BF16'],
  token_embd: 'Q8_0',
  output: 'Q6_K',
}

// A block of each format that has kernels.
const everyFormat = {
  default: [
    'F32',
    'F16',
    'BF16',
    'Q4_0',
    'Q4_1',
    'Q5_0',
    'Q5_1',
    'Q8_0',
    'Q2_K',
    'Q3_K',
    'Q4_K',
    'Q5_K',
    'Q6_K',
    'IQ4_NL',
    'IQ4_XS',
  ],
  token_embd: 'Q5_K',
  output: 'IQ4_XS',
}

/** Sizes by name: blocks, width, heads, KV heads, FFN, vocabulary, context, default weight type. */
export const SHAPES = {
  '135m': shape(30, 576, 9, 3, 1536, 49152, 2048, 'Q4_0'),
  '05b': shape(24, 896, 14, 2, 4864, 151936, 2048, 'Q4_0'),
  k: shape(12, 1024, 16, 4, 2816, 49152, 2048, 'Q4_K_M'),
  tiny: shape(4, 64, 4, 2, 128, 512, 256, 'Q4_0'),
  odd: shape(3, 36, 3, 1, 50, 331, 128, 'F16'), // no row is a multiple of 32: F32, F16, BF16 only
  'mixed-blocks': shape(8, 256, 8, 4, 256, 512, 256, mixed),
  'every-format': shape(15, 256, 8, 4, 256, 512, 256, everyFormat),
}

/** The mixture most published Q4_K_M files have: more bits for attn_v and ffn_down in about half of the blocks. */
function q4km(role, block, blocks, rowLength) {
  const first = Math.floor(blocks / 8)
  const better = block < first || block >= Math.floor((7 * blocks) / 8) || (block - first) % 3 === 2
  const fine =
    role === 'token_embd' ||
    role === 'output' ||
    (better && (role === 'attn_v' || role === 'ffn_down'))
  if (rowLength % 256) return fine ? 'Q8_0' : 'Q5_0' // what published files hold where K-quants do not fit
  return fine ? 'Q6_K' : 'Q4_K'
}

/** A weight type from the `type` option: a name, a mixture, or {default, role: …}; a list is cycled over the blocks. */
function typeOf(type, role, block, blocks, rowLength) {
  if (type === 'Q4_K_M') return q4km(role, block, blocks, rowLength)
  if (typeof type === 'function') return type(role, block, blocks, rowLength)
  if (Array.isArray(type)) return type[block % type.length]
  if (typeof type === 'object')
    return typeOf(type[role] ?? type.default, role, block, blocks, rowLength)
  return type
}

// general.file_type of published files, by the name of the weight type.
const FILE_TYPES = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q8_0: 7,
  Q5_0: 8,
  Q5_1: 9,
  Q2_K: 10,
  Q3_K: 11,
  Q4_K: 14,
  Q4_K_M: 15,
  Q5_K: 16,
  Q6_K: 18,
  IQ4_NL: 25,
  IQ4_XS: 30,
  BF16: 32,
}

/** The tensors in file order: [name, role, block, dims]; dims[0] is the length of a row. */
function listTensors({ blocks, embd, heads, kvHeads, ff, vocab, tied }) {
  const kv = (embd / heads) * kvHeads
  const list = [['token_embd', 'token_embd', 0, [embd, vocab]]]
  for (let b = 0; b < blocks; b++) {
    for (const [role, dims] of [
      ['attn_norm', [embd]],
      ['attn_q', [embd, embd]],
      ['attn_k', [embd, kv]],
      ['attn_v', [embd, kv]],
      ['attn_output', [embd, embd]],
      ['ffn_norm', [embd]],
      ['ffn_gate', [embd, ff]],
      ['ffn_up', [embd, ff]],
      ['ffn_down', [ff, embd]],
    ])
      list.push([`blk.${b}.${role}`, role, b, dims])
  }
  list.push(['output_norm', 'output_norm', 0, [embd]])
  if (!tied) list.push(['output', 'output', 0, [embd, vocab]])
  return list
}

// Small embeddings under a large final norm: the logits spread (deviation about 4, so that the best one stands out), and
// with a tied head a token does not choose itself again. Large queries: attention picks positions instead of averaging
// them, so that the next token hangs on all of the context.
const GAIN = { token_embd: 0.3, output: 0.3, attn_q: 2 }
const OUTPUT_NORM = 4 / GAIN.output

function makeTensors(o) {
  const tensors = listTensors(o).map(([name, role, block, dims], stream) => {
    const norm = dims.length === 1
    const type = norm ? 'F32' : typeOf(o.type, role, block, o.blocks, dims[0])
    // A deviation of 1/sqrt(row) keeps the size of the activations through any number of blocks.
    const fill = norm
      ? randomFill(type, o.seed, stream, 0.1, role === 'output_norm' ? OUTPUT_NORM : 1)
      : randomFill(type, o.seed, stream, (GAIN[role] ?? 1) / Math.sqrt(dims[0]))
    return { name: `${name}.weight`, role, dims, type, fill }
  })
  for (const [i, t] of o.extraTensors.entries())
    tensors.push({ ...t, fill: randomFill(t.type, o.seed, 1e6 + i, 0.02) })
  if (o.order === 'roles') {
    // a block's tensors far apart, as some published files have them
    const roles = [...new Set(tensors.map((t) => t.role))]
    tensors.sort((a, b) => roles.indexOf(a.role) - roles.indexOf(b.role))
  }
  placeTensors(tensors, o.alignment, o.gap)
  return tensors
}

function makeKeys(o) {
  const { tokens, scores, types } = spmVocabulary(o.vocab)
  const keys = [
    ['general.architecture', 'string', 'llama'],
    ['general.name', 'string', o.name],
    ...(o.alignment === 32 ? [] : [['general.alignment', 'u32', o.alignment]]),
    ['llama.vocab_size', 'u32', o.vocab],
    ['llama.context_length', 'u32', o.context],
    ['llama.embedding_length', 'u32', o.embd],
    ['llama.block_count', 'u32', o.blocks],
    ['llama.feed_forward_length', 'u32', o.ff],
    ['llama.attention.head_count', 'u32', o.heads],
    ['llama.attention.head_count_kv', 'u32', o.kvHeads],
    ['llama.rope.dimension_count', 'u32', o.embd / o.heads],
    ['llama.rope.freq_base', 'f32', 10000],
    ['llama.attention.layer_norm_rms_epsilon', 'f32', 1e-5],
    ['general.file_type', 'u32', FILE_TYPES[o.type] ?? 1],
    ['general.quantization_version', 'u32', 2],
    ['tokenizer.ggml.model', 'string', 'llama'],
    ['tokenizer.ggml.pre', 'string', 'default'],
    ['tokenizer.ggml.tokens', 'string[]', tokens],
    ['tokenizer.ggml.scores', 'f32[]', scores],
    ['tokenizer.ggml.token_type', 'i32[]', types],
    ['tokenizer.ggml.bos_token_id', 'u32', 1],
    ['tokenizer.ggml.eos_token_id', 'u32', 2],
    ['tokenizer.ggml.unknown_token_id', 'u32', 0],
    ['tokenizer.ggml.add_bos_token', 'bool', 1],
    ['tokenizer.ggml.add_eos_token', 'bool', 0],
    ['tokenizer.ggml.add_space_prefix', 'bool', 1],
  ]
  for (const entry of o.kv) {
    // a key that is there already is replaced
    const at = keys.findIndex(([key]) => key === entry[0])
    at < 0 ? keys.push(entry) : keys.splice(at, 1, entry)
  }
  return keys
}

/** The model as writeGguf takes it. */
export function describeModel(options = {}) {
  const sizes =
    typeof options.shape === 'string' ? SHAPES[options.shape] : (options.shape ?? SHAPES.tiny)
  if (!sizes)
    throw new Error(`no shape '${options.shape}'; there are ${Object.keys(SHAPES).join(', ')}`)
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  )
  const o = {
    tied: true,
    seed: 1,
    alignment: 32,
    version: 3,
    kv: [],
    extraTensors: [],
    gap: 0,
    order: 'blocks',
    name: `random ${typeof options.shape === 'string' ? options.shape : 'model'}`,
    ...sizes,
    ...given,
  }
  return { version: o.version, alignment: o.alignment, kv: makeKeys(o), tensors: makeTensors(o) }
}

/**
 * Writes a model to `path` and returns {bytes, tensors: [{name, role, dims, type, offset, bytes}]}. Options:
 * shape (a name of SHAPES or an object like them), type (a weight type, 'Q4_K_M', a list to cycle over the blocks,
 * {default, attn_v, …} by role, or a function), tied, seed, alignment, version (2 or 3), kv ([key, type, value], added
 * or replaced), extraTensors ([{name, dims, type}] nothing uses), gap (alignments left free between two tensors),
 * order ('blocks', or 'roles': all attn_q first, …), name, and any number of the shape (blocks, vocab, …).
 */
export function makeModel(path, options) {
  const model = describeModel(options)
  const file = openSync(path, 'w')
  try {
    const bytes = writeGguf(model, (chunk) => {
      for (let done = 0; done < chunk.length; ) done += writeSync(file, chunk, done)
    })
    return { bytes, tensors: model.tensors }
  } finally {
    closeSync(file)
  }
}

/** The same bytes in memory, for small models. */
export function modelBytes(options) {
  const chunks = []
  const whole = new Uint8Array(writeGguf(describeModel(options), (chunk) => chunks.push(chunk)))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

const USAGE = `usage: make-model.mjs --out FILE [--shape ${Object.keys(SHAPES).join('|')}] [--type ${Object.keys(FILE_TYPES).join('|')}]
  [--set ROLE=TYPE]... (token_embd output attn_q attn_k attn_v attn_output ffn_gate ffn_up ffn_down)
  [--untied] [--seed N] [--alignment N] [--version 2|3] [--gap N] [--order blocks|roles]
  [--blocks N] [--embd N] [--heads N] [--kv-heads N] [--ff N] [--vocab N] [--context N]`

function optionsFromCommandLine(args) {
  const numbers = [
    'seed',
    'alignment',
    'version',
    'gap',
    'blocks',
    'embd',
    'heads',
    'kv-heads',
    'ff',
    'vocab',
    'context',
  ]
  const { values } = parseArgs({
    args,
    options: {
      out: { type: 'string' },
      shape: { type: 'string' },
      type: { type: 'string' },
      order: { type: 'string' },
      set: { type: 'string', multiple: true },
      untied: { type: 'boolean' },
      ...Object.fromEntries(numbers.map((n) => [n, { type: 'string' }])),
    },
  })
  if (!values.out) throw new Error(`--out is missing\n${USAGE}`)
  const options = {
    shape: values.shape,
    order: values.order,
    type: values.type,
    tied: values.untied ? false : undefined,
  }
  for (const n of numbers)
    if (values[n]) options[n === 'kv-heads' ? 'kvHeads' : n] = Number(values[n])
  if (values.set) {
    const base = values.type ?? SHAPES[values.shape ?? 'tiny']?.type
    options.type = {
      ...(base?.default ? base : { default: base }),
      ...Object.fromEntries(values.set.map((s) => s.split('='))),
    }
  }
  return [values.out, options]
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const [path, options] = optionsFromCommandLine(process.argv.slice(2))
    const { bytes, tensors } = makeModel(path, options)
    console.log(`${path}: ${bytes} bytes, ${tensors.length} tensors`)
  } catch (error) {
    console.error(`make-model: ${error.message}`)
    process.exitCode = 2
  }
}
