// Horizontal bars as SVG, side by side. A plotting library would bring more code than this is.

const ROW = 26
const BAR = 16
const NAMES = 150
const PANEL = 260
const VALUE = 60 // room for the number behind the longest bar
const HEAD = 56

const escaped = (text) =>
  text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c])

function text(x, y, content, attributes = '') {
  return `<text x="${x}" y="${y}" ${attributes}>${escaped(content)}</text>`
}

/**
 * rows: [{name, ours, values}], one value per panel, null where there is none; panels: [{title, format}], each with a
 * scale of its own from 0 to its largest value.
 */
export function barChart({ title, rows, panels }) {
  const width = NAMES + panels.length * PANEL + 10
  const height = HEAD + rows.length * ROW + 10
  const parts = [text(10, 22, title, 'font-weight="bold"')]
  for (const [i, { title }] of panels.entries()) parts.push(text(NAMES + i * PANEL, 46, title))
  for (const [j, row] of rows.entries()) {
    const middle = HEAD + j * ROW + ROW / 2
    parts.push(text(NAMES - 10, middle + 4, row.name, 'text-anchor="end"'))
    for (const [i, panel] of panels.entries()) {
      const x = NAMES + i * PANEL
      const value = row.values[i]
      const largest = Math.max(...rows.map(({ values }) => values[i] ?? 0))
      const length = largest > 0 ? Math.round(((value ?? 0) / largest) * (PANEL - VALUE - 20)) : 0
      const color = row.ours ? '#2f6f9f' : '#9a9a9a'
      parts.push(
        `<rect x="${x}" y="${middle - BAR / 2}" width="${Math.max(length, 1)}" height="${BAR}" fill="${color}"/>`,
        text(x + length + 6, middle + 4, value === null ? 'not known' : panel.format(value)),
      )
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="#222">
<rect width="${width}" height="${height}" fill="#fff"/>
${parts.join('\n')}
</svg>
`
}
