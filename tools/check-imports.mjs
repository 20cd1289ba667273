// Fails if a WebAssembly module imports anything but its memory: hosts have no libc to offer. Reads the file itself
// instead of compiling it, because this Node may not know every instruction.
//   node tools/check-imports.mjs FILE...
import { readFileSync } from 'node:fs'

const IMPORT_SECTION = 2
const MEMORY = 2 // a kind of import

/** "module.name" of each import up to the first that is no memory. */
function importsOf(bytes) {
  let at = 8 // after magic and version
  const u32 = () => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = bytes[at++]
      value += (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  const text = () => {
    const length = u32()
    at += length
    return bytes.toString('utf8', at - length, at)
  }
  while (at < bytes.length) {
    const id = bytes[at++]
    const end = u32() + at
    if (id === IMPORT_SECTION) {
      const names = []
      for (let left = u32(); left > 0; left--) {
        names.push(`${text()}.${text()}`)
        if (bytes[at++] !== MEMORY) return names
        const flags = bytes[at++]
        u32() // initial pages
        if (flags & 1) u32() // maximum
      }
      return names
    }
    at = end
  }
  return []
}

for (const file of process.argv.slice(2)) {
  const names = importsOf(readFileSync(file)).join(', ')
  if (names !== 'env.memory') {
    console.error(
      `${file} imports ${names || 'nothing'}: it must import env.memory and nothing else`,
    )
    process.exitCode = 1
  }
}
