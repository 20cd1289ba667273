// Horizontal bars as SVG, side by side. A plotting library would bring more code than this is.

const ROW = 22
const BAR = 14
const GAP = 10 // between groups
const NAMES_WIDTH = 190
const PANEL = 260
const VALUE = 60 // room for the number behind the longest bar
const HEAD = 56

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
const escaped = (text) => text.replace(/[&<>]/g, (c) => ENTITIES[c])

function text(x, y, content, attributes = '') {
  return `<text x="${x}" y="${y}" ${attributes}>${escaped(content)}</text>`
}

function bar(x, middle, value, largest, color, format) {
  if (value === null) return text(x, middle + 4, 'not known')
  const length = largest > 0 ? Math.round((value / largest) * (PANEL - VALUE - 20)) : 0
  const box = `x="${x}" y="${middle - BAR / 2}" width="${Math.max(length, 1)}" height="${BAR}"`
  return `<rect ${box} fill="${color}"/>\n${text(x + length + 6, middle + 4, format(value))}`
}

/**
 * rows: [{group, name, ours, values}], one value per panel, null where there is none; panels: [{title, format}], each
 * with a scale of its own from 0 to its largest value.
 */
export function barChart({ title, rows, panels, namesWidth = NAMES_WIDTH }) {
  const parts = [text(10, 22, title, 'font-weight="bold"')]
  for (const [i, panel] of panels.entries())
    parts.push(text(namesWidth + i * PANEL, 46, panel.title))
  let y = HEAD
  for (const [j, row] of rows.entries()) {
    if (j > 0 && row.group !== rows[j - 1].group) y += GAP
    const middle = y + ROW / 2
    parts.push(text(namesWidth - 10, middle + 4, `${row.group}: ${row.name}`, 'text-anchor="end"'))
    for (const [i, { format }] of panels.entries()) {
      const largest = Math.max(...rows.map(({ values }) => values[i] ?? 0))
      const color = row.ours ? '#2f6f9f' : '#9a9a9a'
      parts.push(bar(namesWidth + i * PANEL, middle, row.values[i], largest, color, format))
    }
    y += ROW
  }
  const [width, height] = [namesWidth + panels.length * PANEL + 10, y + 10]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="#222">
<title>${escaped(title)}</title>
<rect width="${width}" height="${height}" fill="#fff"/>
${parts.join('\n')}
</svg>
`
}
