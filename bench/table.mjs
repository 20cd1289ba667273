// Markdown tables whose source is readable too.

/** rows[0] is the head; the first `left` columns are aligned to the left, the others to the right. */
export function markdownTable(rows, left = 1) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const pad = (cell, i) => (i < left ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))
  const line = (row) => `| ${row.map(pad).join(' | ')} |`
  const rules = widths.map((w, i) => (i < left ? '-'.repeat(w) : `${'-'.repeat(w - 1)}:`))
  return [line(rows[0]), `| ${rules.join(' | ')} |`, ...rows.slice(1).map(line)].join('\n')
}
