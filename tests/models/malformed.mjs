// Files that a reader must refuse, each made from a good one by one change, and unusual ones that it must accept.
//
// Which error: E_TRUNCATED where the file ends before what it promises, the promise itself being possible;
// E_FORMAT where it breaks a rule of the format, contradicts itself, or promises what no file can hold;
// E_UNSUPPORTED where it is well formed, but of a kind that this engine does not run.
import { joinGguf, readGguf } from './gguf-reader.mjs'
import { BLOCK_TYPES, placeTensors, VALUE_TYPES } from './gguf-writer.mjs'

const U64_MAX = 2n ** 64n - 1n
const utf8 = new TextEncoder()

/** A little-endian u64 as bytes. */
const u64 = (value) => new Uint8Array(new BigUint64Array([BigInt(value)]).buffer)
const u32 = (value) => new Uint8Array(new Uint32Array([value]).buffer)
const bytesOf = (...parts) => Uint8Array.from(parts.flatMap((p) => [...p]))

/** A copy of the good file with one key set to [type, value]; without a value the key is taken away. */
function withKey(good, key, type, value) {
  const kv = good.kv.filter(([k]) => k !== key)
  if (value !== undefined) kv.push([key, type, value])
  return joinGguf({ ...good, kv })
}

/** A copy with the tensor of that name changed; `change` null takes it away. Offsets and data stay. */
function withTensor(good, name, change) {
  const tensors = good.tensors.flatMap((t) =>
    t.name !== name ? [t] : change ? [{ ...t, ...change(t) }] : [],
  )
  return joinGguf({ ...good, tensors })
}

/** A copy whose tensor `name` has another shape or type, all tensors moved to fit: consistent, but not this model. */
function reshaped(good, name, change) {
  const tensors = good.tensors.map((t) => ({ ...t, ...(t.name === name ? change : {}) }))
  placeTensors(tensors, good.alignment)
  const last = tensors.at(-1)
  return joinGguf({ ...good, tensors, data: new Uint8Array(last.offset + last.bytes) })
}

function patched(bytes, at, patch) {
  const copy = bytes.slice()
  copy.set(patch, at)
  return copy
}

/** {key: value} of the good file. */
const values = (good) => Object.fromEntries(good.kv.map(([key, , value]) => [key, value]))

function* badHeaders(bytes, good) {
  yield ['empty file', new Uint8Array(0), 'E_TRUNCATED']
  for (const size of [3, 4, 7, 8, 16, 23])
    yield [`cut after ${size} bytes`, bytes.slice(0, size), 'E_TRUNCATED']
  yield ['another magic', patched(bytes, 0, utf8.encode('GGML')), 'E_FORMAT']
  yield [
    'a web page',
    utf8.encode('<!doctype html><html><head><title>404</title></head></html>'),
    'E_FORMAT',
  ]
  for (const version of [0, 1, 4, 0xffffffff])
    yield [`version ${version}`, joinGguf({ ...good, version }), 'E_UNSUPPORTED']
  yield ['big-endian', patched(bytes, 4, [0, 0, 0, 3]), 'E_UNSUPPORTED']
  yield ['60000 tensors promised', joinGguf({ ...good, tensorCount: 60000 }), 'E_TRUNCATED']
  yield ['60000 keys promised', joinGguf({ ...good, keyCount: 60000 }), 'E_TRUNCATED']
  yield ['2^63 tensors', joinGguf({ ...good, tensorCount: 2n ** 63n }), 'E_FORMAT']
  yield ['2^64-1 keys', joinGguf({ ...good, keyCount: U64_MAX }), 'E_FORMAT']
}

function* badKeys(bytes, good) {
  const put = (key, type, value) => withKey(good, key, type, value)
  const raw = (type, ...parts) => put('test.key', 'raw', { type, bytes: bytesOf(...parts) })
  const type = Object.fromEntries(VALUE_TYPES.map((name, i) => [name, i]))

  yield ['key length 2^64-1', patched(bytes, 24, u64(U64_MAX)), 'E_FORMAT']
  yield ['key longer than the file', patched(bytes, 24, u64(bytes.length)), 'E_TRUNCATED']
  yield ['empty key', put('', 'u32', 1), 'E_FORMAT']
  yield ['key of 65536 bytes', put('k'.repeat(65536), 'u32', 1), 'E_FORMAT']
  yield ['key with a NUL', put('a\0b', 'u32', 1), 'E_FORMAT']
  yield ['key that is not UTF-8', put(Uint8Array.of(0x6b, 0xff, 0xfe), 'u32', 1), 'E_FORMAT']
  yield ['the same key twice', joinGguf({ ...good, kv: [...good.kv, good.kv[0]] }), 'E_FORMAT']
  yield ['value type 13', raw(13, u32(0)), 'E_FORMAT']
  yield ['value type 2^32-1', raw(0xffffffff, u32(0)), 'E_FORMAT']
  yield ['string length 2^64-1', raw(type.string, u64(U64_MAX)), 'E_FORMAT']
  yield ['string longer than the file', raw(type.string, u64(bytes.length * 2)), 'E_TRUNCATED']
  yield ['bool of 2', put('tokenizer.ggml.add_bos_token', 'bool', 2), 'E_FORMAT']
  yield ['array of an unknown type', raw(type.array, u32(13), u64(0)), 'E_FORMAT']
  yield [
    'nested array',
    raw(type.array, u32(type.array), u64(1), u32(type.u8), u64(1), [0]),
    'E_FORMAT',
  ]
  yield ['array of 2^61 u64', raw(type.array, u32(type.u64), u64(2n ** 61n)), 'E_TRUNCATED']
  yield ['array of 2^64-1 strings', raw(type.array, u32(type.string), u64(U64_MAX)), 'E_TRUNCATED']
  yield [
    'array longer than the file',
    raw(type.array, u32(type.u8), u64(bytes.length * 2)),
    'E_TRUNCATED',
  ]
  yield [
    'string of an array too long',
    raw(type.array, u32(type.string), u64(1), u64(U64_MAX)),
    'E_FORMAT',
  ]
  for (const alignment of [0, 3, 24, 131072, 0x80000000]) {
    yield [`alignment ${alignment}`, put('general.alignment', 'u32', alignment), 'E_FORMAT']
  }
  yield ['alignment as i32', put('general.alignment', 'i32', 32), 'E_FORMAT']
}

function* badTensors(bytes, good) {
  const name = 'blk.0.attn_q.weight'
  const change = (f) => withTensor(good, name, f)
  const other = good.tensors.find((t) => t.name === 'blk.0.ffn_up.weight')

  yield ['empty tensor name', change(() => ({ name: '' })), 'E_FORMAT']
  yield ['tensor name of 65 bytes', change(() => ({ name: 'n'.repeat(65) })), 'E_FORMAT']
  yield ['tensor name with a NUL', change(() => ({ name: `${name}\0x` })), 'E_FORMAT']
  yield [
    'tensor name that is not UTF-8',
    change(() => ({ name: Uint8Array.of(0xc3, 0x28) })),
    'E_FORMAT',
  ]
  yield ['tensor name length 2^64-1', lengthOfName(bytes, name, U64_MAX), 'E_FORMAT']
  yield ['the same tensor twice', change(() => ({ name: 'blk.0.attn_k.weight' })), 'E_FORMAT']
  yield ['tensor of 0 dimensions', change(() => ({ dims: [] })), 'E_FORMAT']
  yield ['tensor of 5 dimensions', change((t) => ({ dims: [...t.dims, 1, 1, 1] })), 'E_FORMAT']
  yield ['tensor of 2^32-1 dimensions', change(() => ({ dimCount: 0xffffffff })), 'E_FORMAT']
  yield ['dimension 0 in use', change((t) => ({ dims: [0, t.dims[1]] })), 'E_FORMAT']
  yield ['dimension 2^64-1', change((t) => ({ dims: [t.dims[0], U64_MAX] })), 'E_FORMAT']
  yield [
    'dimensions whose product is 2^64',
    change(() => ({ dims: [2n ** 32n, 2n ** 32n] })),
    'E_FORMAT',
  ]
  yield [
    'dimensions whose product wraps to a small one',
    change(() => ({ dims: [2n ** 42n, 2n ** 22n + 1n] })),
    'E_FORMAT',
  ]
  yield [
    'bytes that overflow',
    change(() => ({ type: 'F32', dims: [2n ** 31n, 2n ** 31n, 2n] })),
    'E_FORMAT',
  ]
  yield [
    'row of no whole blocks',
    change((t) => ({ type: 'Q4_0', dims: [t.dims[0] + 1, t.dims[1]] })),
    'E_FORMAT',
  ]
  for (const type of [99, 0xffffffff])
    yield [`tensor type ${type}`, change(() => ({ type })), 'E_UNSUPPORTED']
  for (const type of [4, 5, 31, 36])
    yield [`removed tensor type ${type}`, change(() => ({ type })), 'E_UNSUPPORTED']
  yield [
    'offset no multiple of the alignment',
    change((t) => ({ offset: t.offset + 1 })),
    'E_FORMAT',
  ]
  yield ['offset behind the end', change(() => ({ offset: good.data.length + 64 })), 'E_TRUNCATED']
  yield [
    'last byte behind the end',
    change(() => ({ offset: good.data.length - good.alignment })),
    'E_TRUNCATED',
  ]
  yield ['offset 2^64-32', change(() => ({ offset: 2n ** 64n - 32n })), 'E_FORMAT']
  yield ['offset 2^63', change(() => ({ offset: 2n ** 63n })), 'E_TRUNCATED']
  yield ['two tensors at one offset', change(() => ({ offset: other.offset })), 'E_FORMAT']
  yield [
    'a tensor reaching into the next',
    change((t) => ({ offset: t.offset + good.alignment })),
    'E_FORMAT',
  ]
}

/** The file with another length in front of a tensor's name. */
function lengthOfName(bytes, name, length) {
  return patched(
    bytes,
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(name) - 8,
    u64(length),
  )
}

function* badCuts(bytes, good) {
  const header = bytes.length - good.data.length
  yield ['cut in the keys', bytes.slice(0, header >> 1), 'E_TRUNCATED']
  yield ['cut in the directory', bytes.slice(0, header - 100), 'E_TRUNCATED']
  yield ['cut before the data', bytes.slice(0, header), 'E_TRUNCATED']
  for (let size = 4096; size < bytes.length; size += 4096)
    yield [`cut at ${size}`, bytes.slice(0, size), 'E_TRUNCATED']
}

function* badModels(good) {
  const put = (key, type, value) => withKey(good, key, type, value)
  const without = (key) => withKey(good, key)
  const v = values(good)
  const heads = v['llama.attention.head_count']
  const blocks = v['llama.block_count']

  for (const arch of ['bert', 'lama', ''])
    yield [`architecture '${arch}'`, put('general.architecture', 'string', arch), 'E_UNSUPPORTED']
  yield [
    'architecture that is not UTF-8',
    put('general.architecture', 'string', Uint8Array.of(0xff, 0xfe)),
    'E_UNSUPPORTED',
  ]
  yield ['no architecture', without('general.architecture'), 'E_FORMAT']
  yield ['architecture as a number', put('general.architecture', 'u32', 7), 'E_FORMAT']
  for (const key of [
    'block_count',
    'embedding_length',
    'feed_forward_length',
    'attention.head_count',
    'context_length',
    'attention.layer_norm_rms_epsilon',
  ]) {
    yield [`no ${key}`, without(`llama.${key}`), 'E_FORMAT']
  }
  yield ['block_count as a string', put('llama.block_count', 'string', '4'), 'E_FORMAT']
  for (const n of [0, blocks - 1, blocks + 1, 513, 0xffffffff])
    yield [`block_count ${n}`, put('llama.block_count', 'u32', n), 'E_FORMAT']
  for (const n of [0, 3, 0xffffffff])
    yield [`head_count ${n}`, put('llama.attention.head_count', 'u32', n), 'E_FORMAT']
  for (const n of [0, heads * 2, 3])
    yield [
      `head_count_kv ${n} of ${heads} heads`,
      put('llama.attention.head_count_kv', 'u32', n),
      'E_FORMAT',
    ]
  for (const n of [0, 63, 0xffffffff])
    yield [`embedding_length ${n}`, put('llama.embedding_length', 'u32', n), 'E_FORMAT']
  for (const n of [0, 1, 0xffffffff])
    yield [`feed_forward_length ${n}`, put('llama.feed_forward_length', 'u32', n), 'E_FORMAT']
  yield ['context_length 0', put('llama.context_length', 'u32', 0), 'E_FORMAT']
  for (const n of [1, 1000])
    yield [`rope.dimension_count ${n}`, put('llama.rope.dimension_count', 'u32', n), 'E_FORMAT']
  for (const n of [0, -1, NaN, Infinity]) {
    yield [`rms epsilon ${n}`, put('llama.attention.layer_norm_rms_epsilon', 'f32', n), 'E_FORMAT']
    yield [`rope.freq_base ${n}`, put('llama.rope.freq_base', 'f32', n), 'E_FORMAT']
  }
  for (const name of [
    'token_embd',
    'output_norm',
    'blk.0.attn_norm',
    'blk.1.attn_q',
    `blk.${blocks - 1}.ffn_down`,
  ]) {
    yield [`no ${name}`, withTensor(good, `${name}.weight`, null), 'E_FORMAT']
  }
  const { embd, ff, vocab } = {
    embd: v['llama.embedding_length'],
    ff: v['llama.feed_forward_length'],
    vocab: v['llama.vocab_size'],
  }
  yield [
    'attn_q too small',
    reshaped(good, 'blk.0.attn_q.weight', { dims: [embd, embd / 2] }),
    'E_FORMAT',
  ]
  yield [
    'ffn_down turned',
    reshaped(good, 'blk.0.ffn_down.weight', { dims: [embd, ff] }),
    'E_FORMAT',
  ]
  yield [
    'attn_norm of one value',
    reshaped(good, 'blk.0.attn_norm.weight', { dims: [1] }),
    'E_FORMAT',
  ]
  yield [
    'token_embd with a row too few',
    reshaped(good, 'token_embd.weight', { dims: [embd, vocab - 1] }),
    'E_FORMAT',
  ]
  yield [
    'token_embd with a third dimension',
    reshaped(good, 'token_embd.weight', { dims: [embd, vocab, 2] }),
    'E_FORMAT',
  ]
  yield [
    'a weight type without a kernel',
    reshaped(good, 'blk.0.attn_q.weight', { type: 'IQ2_XXS', dims: [256, (embd * embd) / 256] }),
    'E_UNSUPPORTED',
  ]
}

function* badVocabularies(good) {
  const put = (key, type, value) => withKey(good, `tokenizer.ggml.${key}`, type, value)
  const without = (key) => withKey(good, `tokenizer.ggml.${key}`)
  const v = values(good)
  const tokens = v['tokenizer.ggml.tokens']
  const scores = v['tokenizer.ggml.scores']
  const types = v['tokenizer.ggml.token_type']
  const byteToken = (text) => tokens.map((t) => (t === '<0x41>' ? text : t))

  for (const model of ['bert', 'none', ''])
    yield [`tokenizer '${model}'`, put('model', 'string', model), 'E_UNSUPPORTED']
  yield ['no tokenizer', without('model'), 'E_UNSUPPORTED']
  yield ['no tokens', without('tokens'), 'E_FORMAT']
  yield ['no scores', without('scores'), 'E_FORMAT']
  yield [
    'tokens as numbers',
    put(
      'tokens',
      'u32[]',
      scores.map((_, i) => i),
    ),
    'E_FORMAT',
  ]
  yield [
    'scores as u8',
    put(
      'scores',
      'u8[]',
      scores.map(() => 0),
    ),
    'E_FORMAT',
  ]
  yield ['token types as u8', put('token_type', 'u8[]', types), 'E_FORMAT']
  yield ['a score too few', put('scores', 'f32[]', scores.slice(1)), 'E_FORMAT']
  yield ['a token type too few', put('token_type', 'i32[]', types.slice(1)), 'E_FORMAT']
  yield ['a token too many', put('tokens', 'string[]', [...tokens, 'more']), 'E_FORMAT']
  yield [
    'a score that is not a number',
    put(
      'scores',
      'f32[]',
      scores.map((s, i) => (i === 300 ? NaN : s)),
    ),
    'E_FORMAT',
  ]
  for (const text of ['<0x-1>', '<0x4>', '<0x411>', '<0xG1>', 'A']) {
    yield [`byte token '${text}'`, put('tokens', 'string[]', byteToken(text)), 'E_FORMAT']
  }
  yield [
    'token of 65537 bytes',
    put(
      'tokens',
      'string[]',
      tokens.with?.(400, 'x'.repeat(65537)) ??
        tokens.map((t, i) => (i === 400 ? 'x'.repeat(65537) : t)),
    ),
    'E_FORMAT',
  ]
  for (const key of ['bos_token_id', 'eos_token_id', 'unknown_token_id']) {
    yield [`${key} outside the vocabulary`, put(key, 'u32', tokens.length), 'E_FORMAT']
  }
  yield [
    'add_bos_token without a BOS',
    joinGguf({
      ...good,
      kv: good.kv.map((e) =>
        e[0] === 'tokenizer.ggml.bos_token_id' ? [e[0], 'u32', 0xffffffff] : e,
      ),
    }),
    'E_FORMAT',
  ]
}

/**
 * Yields {name, bytes, expect} for every way to be wrong. `good` is a tiny model of make-model.mjs: its widths must not
 * matter to the reader otherwise (shape 'tiny').
 */
export function* malformed(good) {
  const file = readGguf(good)
  for (const cases of [
    badHeaders(good, file),
    badKeys(good, file),
    badTensors(good, file),
    badCuts(good, file),
    badModels(file),
    badVocabularies(file),
  ]) {
    for (const [name, bytes, expect] of cases) yield { name, bytes, expect }
  }
}

/** Yields {name, bytes} for files that are unusual but right: the same logits as from `good` must come out. */
export function* unusual(good) {
  const file = readGguf(good)
  const put = (key, type, value) => withKey(file, key, type, value)
  const moved = (alignment, gap, order = (t) => t) => {
    const tensors = order(file.tensors.map((t) => ({ ...t })))
    const old = new Map(file.tensors.map((t) => [t.name, t.offset]))
    placeTensors(tensors, alignment, gap)
    const last = tensors.at(-1)
    const data = new Uint8Array(last.offset + last.bytes) // no padding behind the last one
    for (const t of tensors)
      data.set(file.data.subarray(old.get(t.name), old.get(t.name) + t.bytes), t.offset)
    const kv = [
      ...file.kv.filter(([key]) => key !== 'general.alignment'),
      ['general.alignment', 'u32', alignment],
    ]
    return joinGguf({ ...file, kv, alignment, tensors, data })
  }
  const unused = (dims, type) => {
    const bytes =
      type === 'F32'
        ? 4 * dims.reduce((a, b) => a * b, 1)
        : (dims[0] / BLOCK_TYPES[type].values) * BLOCK_TYPES[type].bytes
    const data = new Uint8Array(file.data.length + bytes)
    data.set(file.data)
    return joinGguf({
      ...file,
      tensors: [
        ...file.tensors,
        { name: 'rope_freqs_unused', dims, type, offset: file.data.length },
      ],
      data,
    })
  }

  yield { name: 'version 2', bytes: joinGguf({ ...file, version: 2 }) }
  yield { name: 'no padding behind the last tensor', bytes: moved(32, 0) }
  yield { name: 'gaps between tensors', bytes: moved(32, 3) }
  yield { name: 'alignment 1', bytes: moved(1, 0) }
  yield { name: 'alignment 4096', bytes: moved(4096, 0) }
  yield { name: 'tensors in reverse order', bytes: moved(32, 0, (t) => t.reverse()) }
  yield {
    name: 'directory in another order than the data',
    bytes: joinGguf({
      ...file,
      tensors: file.tensors.toReversed?.() ?? [...file.tensors].reverse(),
    }),
  }
  yield {
    name: 'counts as u64',
    bytes: put('llama.block_count', 'u64', values(file)['llama.block_count']),
  }
  yield {
    name: 'unknown keys of every type',
    bytes: joinGguf({
      ...file,
      kv: [
        ...file.kv,
        ...VALUE_TYPES.filter((t) => t !== 'array').flatMap((t) => [
          [`x.${t}`, t, t === 'string' ? 'v' : 1],
          [`x.many.${t}`, `${t}[]`, t === 'string' ? ['v', ''] : [1, 0]],
          [`x.no.${t}`, `${t}[]`, []],
        ]),
      ],
    }),
  }
  yield { name: 'empty string', bytes: put('general.name', 'string', '') }
  yield {
    name: 'name that is not UTF-8',
    bytes: put('general.name', 'string', Uint8Array.of(0xff, 0x41, 0xc3)),
  }
  yield { name: 'an unused tensor', bytes: unused([7, 3], 'F32') }
  yield { name: 'an unused tensor of a type without a kernel', bytes: unused([256], 'IQ2_XXS') }
  yield { name: 'an unused tensor with a dimension of 0', bytes: unused([0, 5], 'F32') }
  yield {
    name: 'no unknown token',
    bytes: put('tokenizer.ggml.unknown_token_id', 'u32', 0xffffffff),
  }
  yield {
    name: 'the same token twice',
    bytes: put(
      'tokenizer.ggml.tokens',
      'string[]',
      values(file)['tokenizer.ggml.tokens'].map((t, i, all) => (i === 270 ? all[271] : t)),
    ),
  }
  yield { name: 'no rope.dimension_count', bytes: withKey(file, 'llama.rope.dimension_count') }
  yield {
    name: 'bytes behind the data',
    bytes: joinGguf({ ...file, data: bytesOf(file.data, new Uint8Array(1000)) }),
  }
}
