// The prompt of the measurements: the beginning of a text that no model was trained on.
import { readFileSync } from 'node:fs'

const TEXT = new URL('../tests/vectors/storyteller/heldout.txt', import.meta.url)

/**
 * {text, ids}: the shortest beginning of the text that is exactly `count` tokens, BOS included, and its tokens;
 * `total - count` ids of what follows are behind them.
 */
export async function promptOf(model, count, total = count) {
  const whole = readFileSync(TEXT, 'utf8')
  const after = total > count ? (await model.tokenize(whole)).slice(count, total) : []
  if (after.length < total - count) throw new Error(`the text has no ${total} tokens`)
  // A token is at least a byte, so half of that many characters cannot be too long already.
  for (let end = count >> 1; end <= whole.length; end++) {
    const text = whole.slice(0, end)
    const ids = await model.tokenize(text)
    if (ids.length === count) return { text, ids: [...ids, ...after] }
  }
  throw new Error(`no beginning of the text is ${count} tokens`)
}
