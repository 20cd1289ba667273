// A SentencePiece-BPE vocabulary of any size, the same for the same size: <unk> <s> </s>, 256 bytes, two special
// tokens, then pieces by falling score and the single characters last, as in published Llama files.

const TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, byte: 6 }
const SPACE = '▁'
const CHARACTERS = [
  ...(SPACE +
    'etaoinshrdlucmwfygpbvk.,jxqz\'"!?-0123456789ETAOINSHRDLUCMWFYGPBVKJXQZ:;()[]{}<>|/\\@#$%&*+=_^~`éèüöäñçßœøабвгд日本語中文'),
]
const WORDS =
  `the and to a he was it of she they in said you her his that for had with there little so one day on is once upon time
all at not but my what then went very him were as up be no out me them this big from are like wanted play have happy
saw fox could lantern would some friend mother if looked home when named good asked have new put get made back very
again can do did tree house water your who old lost red kite found hill morning rabbit bird cat dog bear boy girl
looked into after before over under night sun moon star light garden river boat bridge small box open close long way
help story tell about write short friend thank hello world number letter people think know come came take took give
first last never always because every other another where which while through`.split(/\s+/)
const LONGEST = 16 // characters in a piece

/** What SentencePiece does with a text: join the pair of the best rank, leftmost first, until none is left. */
export function joinPairs(symbols, rank) {
  symbols = [...symbols]
  for (;;) {
    let best = Infinity
    let at = -1
    for (let i = 0; i + 1 < symbols.length; i++) {
      const r = rank.get(symbols[i] + symbols[i + 1])
      if (r < best) [best, at] = [r, i]
    }
    if (at < 0) return symbols
    symbols.splice(at, 2, symbols[at] + symbols[at + 1])
  }
}

/**
 * `count` pieces of two characters and more. Each is reachable: the pieces of better rank alone turn its text into
 * exactly two symbols, which then join.
 */
function makePieces(count, characters) {
  const rank = new Map()
  const known = new Set(characters)
  const add = (piece) => {
    if (known.has(piece)) return
    known.add(piece)
    rank.set(piece, rank.size)
  }
  // A word, with the beginnings that lead to it.
  for (const word of WORDS) {
    let symbols = joinPairs(SPACE + word, rank)
    while (symbols.length > 1 && rank.size < count) {
      add(symbols[0] + symbols[1])
      symbols = joinPairs(SPACE + word, rank)
    }
  }
  // Then pairs of pieces, the frequent ones first: left + right over the growing list, along its diagonals.
  const pieces = [...characters.filter((c) => /[▁a-z]/.test(c)), ...rank.keys()]
  for (let sum = 0; rank.size < count; sum++) {
    for (let i = 0; i <= sum && rank.size < count; i++) {
      const [left, right] = [pieces[i], pieces[sum - i]]
      const piece = left + right
      if (known.has(piece) || [...piece].length > LONGEST) continue
      if (right.includes(SPACE) && !/^▁+$/.test(left)) continue // a space only begins a piece, or it is all spaces
      if (joinPairs(piece, rank).length !== 2) continue
      add(piece)
      pieces.push(piece)
    }
  }
  return [...rank.keys()]
}

/** {tokens, scores, types}: three arrays of `size`. 0 <unk>, 1 <s>, 2 </s>, 3..258 bytes, 259 <|end|>, 260 <|note|>. */
export function spmVocabulary(size) {
  const tokens = ['<unk>', '<s>', '</s>']
  const types = [TYPE.unknown, TYPE.control, TYPE.control]
  for (let b = 0; b < 256; b++) {
    tokens.push(`<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`)
    types.push(TYPE.byte)
  }
  tokens.push('<|end|>', '<|note|>')
  types.push(TYPE.control, TYPE.userDefined)
  const free = size - tokens.length
  if (free < 8)
    throw new Error(`a vocabulary needs at least ${tokens.length + 8} tokens, not ${size}`)
  const characters = CHARACTERS.slice(0, Math.ceil(free / 2)) // in a small vocabulary the rare ones are left to the bytes
  const pieces = [...makePieces(free - characters.length, characters), ...characters]
  const scores = [...tokens.map(() => 0), ...pieces.map((_, i) => -i)]
  for (const piece of pieces) {
    tokens.push(piece)
    types.push(TYPE.normal)
  }
  return { tokens, scores, types }
}
