// Sizes in bytes, as numbers and as text.
const UNITS: Record<string, number> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/** The bytes of `256MB`, `1.5 GiB`, `64k`, `4096`; NaN if it is not a size. */
export function parseSize(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(?:(k|m|g)(?:i?b)?|(b))?\s*$/i.exec(text)
  if (!match) return Number.NaN
  return Math.floor(Number(match[1]) * (UNITS[(match[2] ?? '').toLowerCase()] ?? 1))
}

/** `3.58 MB` for people: three figures, units of 1024. */
export function formatSize(bytes: number): string {
  let value = bytes
  for (const unit of ['bytes', 'KB', 'MB', 'GB']) {
    if (unit === 'GB' || value < 1000) {
      if (unit === 'bytes') return value === 1 ? '1 byte' : `${value} bytes`
      return `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : Math.round(value)} ${unit}`
    }
    value /= 1024
  }
  return `${bytes} bytes`
}
