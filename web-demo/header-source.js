/**
 * A source for planning only: the ranges of a file's header, each fetched once. While the slider moves, a plan is made
 * for many budgets, and their header is the same. `plan` is one that was made from the URL itself, so the server is
 * known to answer ranges; loading goes to the URL itself again.
 */
export function headerSource(url, plan) {
  const ranges = new Map()

  async function get(offset, length) {
    const answer = await fetch(url, {
      headers: { Range: `bytes=${offset}-${offset + length - 1}` },
    })
    const bytes = new Uint8Array(await answer.arrayBuffer())
    if (answer.status !== 206 || bytes.length !== length)
      throw new Error(`${url} answered ${answer.status} with ${bytes.length} bytes to a range`)
    return bytes
  }

  return {
    size: plan.fileBytes,
    identity: String(url),
    read(offset, length) {
      const range = `${offset}+${length}`
      if (!ranges.has(range)) {
        const bytes = get(offset, length)
        bytes.catch(() => ranges.delete(range))
        ranges.set(range, bytes)
      }
      return ranges.get(range)
    },
  }
}
