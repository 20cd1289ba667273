// The guide's C snippets, and the programs that the test makes of them.

/** [{section, number, name, text}] of the fenced blocks of C, without the indent that a list gave them. */
export function extractSnippets(guide) {
  const snippets = []
  const count = new Map()
  let section = ''
  for (const match of guide.matchAll(/^###? (.+)$|^( *)```c\n([\s\S]*?)^ *```$/gm)) {
    const [, heading, indent, body] = match
    if (heading !== undefined) {
      section = heading.trim()
      continue
    }
    const number = (count.get(section) ?? 0) + 1
    count.set(section, number)
    const text = body.replace(new RegExp(`^${indent}`, 'gm'), '')
    snippets.push({ section, number, name: `${section}/${number}`, text })
  }
  return snippets
}

/** One C file: the reader's lines, the snippet as it is printed, and the checks. */
export function programOf(snippet, { lines = [], before = '', after }) {
  return `#include "check.h"

int main(void) {
${lines.join('\n')}
${before}
// ---- the guide
${snippet.text}// ---- its effects
${after}
    nothing_left();
    return 0;
}
`
}

/** The name that a line declares: a macro's or a variable's. */
export function nameOf(line) {
  return /^#define (\w+)/.exec(line)?.[1] ?? /^[\w *]*?\b(\w+) = /.exec(line)?.[1]
}
