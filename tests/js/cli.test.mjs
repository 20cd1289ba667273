// The `tinyai` command in Node: the cases of all hosts, and what only this one has.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { greedy, model, prompt, root, testCommand } from '../conformance/command.mjs'
import { command } from './paths.mjs'
import { serveBytes, serveFiles } from './server.mjs'
import { startProgram } from './start-program.mjs'

const ESCAPE = '\u001b'

function start(args, { program = process.execPath, before = [command], ...options } = {}) {
  return startProgram(program, [...before, ...args], options)
}

testCommand('node', start, { variant: 'worker', readsUrls: true })

describe('the command in Node', () => {
  const forever = ['run', model, prompt, '--ignore-eos', '--temperature', '0', '--memory', '2MB']

  test('runs from any folder, through a link, with the bundled model', async () => {
    const result = await start(['run', ...greedy], { input: prompt, cwd: '/' })
    assert.equal(result.code, 0, result.stderr)
    assert.ok(result.stdout.length > 20)
  })

  test('Ctrl-C ends the text cleanly, and what is there stays', async () => {
    const interrupt = (child) => child.kill('SIGINT')
    const text = await start(forever, { onOutput: interrupt })
    assert.equal(text.code, 130, text.stderr)
    assert.ok(text.stdout.length > 1 && text.stdout.endsWith('\n'))
    const json = spawn(process.execPath, [command, ...forever, '--json'], { cwd: root })
    let out = ''
    json.stdout.on('data', (bytes) => {
      out += bytes
    })
    json.stderr.once('data', () => {})
    setTimeout(() => json.kill('SIGINT'), 600)
    const code = await new Promise((resolve) => json.on('close', resolve))
    assert.ok(code === 130 || code === 0, `${code}`)
    if (out) assert.equal(typeof JSON.parse(out).text, 'string') // empty if it came before a token
  })

  test('Ctrl-C while it waits for the prompt', async () => {
    const child = spawn(process.execPath, [command, 'run', model], { cwd: root })
    const ended = new Promise((resolve) => child.on('close', resolve))
    setTimeout(() => child.kill('SIGINT'), 300)
    assert.equal(await ended, 130)
  })

  test('a reader that stops early gets no complaint', async () => {
    const args = ['-c', `"$0" "$1" run "$2" "$3" --temperature 0 | head -c 20; exit 0`]
    const result = await start([process.execPath, command, model, prompt], {
      program: 'sh',
      before: args,
    })
    assert.equal(result.stdout.length, 20)
    assert.doesNotMatch(result.stderr, /EPIPE|Error|at /)
  })

  test('colours and progress only for a terminal, and no colour with NO_COLOR', async () => {
    const plain = await start(['run', model, prompt, '--memory', '2MB', ...greedy])
    assert.ok(!plain.stderr.includes(ESCAPE))
    const line = `'${process.execPath}' '${command}' run '${model}' '${prompt}' --memory 2MB ${greedy.join(' ')}`
    const onTerminal = (env) =>
      start([], {
        program: 'script',
        before: ['-qec', line, '/dev/null'],
        env: { ...process.env, TERM: 'xterm', ...env },
      })
    const { stdout: terminal, code } = await onTerminal({ NO_COLOR: '' })
    assert.equal(code, 0)
    assert.match(terminal, /█/)
    assert.match(terminal, /reading the (header|weights)/)
    assert.ok(terminal.includes(`${ESCAPE}[2m`))
    assert.match(terminal, /tokens\/s/)
    const { stdout: grey } = await onTerminal({ NO_COLOR: '1' })
    assert.ok(!grey.includes(`${ESCAPE}[2m`))
  })

  test('the report tells memory, streaming and speed', async () => {
    const args = ['run', model, prompt, '--memory', '2MB', ...greedy, '--report', '-']
    const { stdout } = await start(args)
    for (const part of [
      /\nTinyAI memory report\n/,
      /\n {2}budget +2097152 bytes/,
      /\n {4} +\d+ {2}weights /,
      /\n {2}JS buffers +\d+/,
      /\n {2}per token +\d+ .* planned\n/,
      /\n {2}stalled \d+ ms; \d+ passes: \d+ block hits, \d+ misses/,
      /\n {2}blocks +[P.lr]{5} /,
      /\n {2}generated +24 tokens in \d+ ms \(\d+\.\d tokens\/s\)\n/,
      /logits hash [0-9a-f]{16}\n/,
    ]) {
      assert.match(stdout, part)
    }
  })
})

describe('the command with a URL', () => {
  let server
  before(async () => {
    server = await serveFiles(root)
  })
  after(() => server.close())

  test('gives the same as with the file', async () => {
    const tokens = async (name) => {
      const { stdout, stderr } = await start(['run', name, prompt, ...greedy, '--json'])
      assert.notEqual(stdout, '', stderr)
      return JSON.parse(stdout).tokens
    }
    assert.deepEqual(await tokens(`${server.url}${model}`), await tokens(model))
  })

  for (const [what, misbehave, code, mention] of [
    ['404', (_, response) => response.writeHead(404).end(), 'E_HTTP', /404 Not Found/],
    [
      '200 to a range',
      (_, response) => response.writeHead(200, { 'Content-Length': 1 << 30 }).write('x'),
      'E_HTTP',
      /ignores ranges.*download the file/,
    ],
    [
      'a reset in the middle of the body',
      (_, response) => {
        response.writeHead(206, {
          'Content-Range': 'bytes 0-1048575/9000000',
          'Content-Length': 1 << 20,
        })
        response.write(Buffer.alloc(1000), () => setTimeout(() => response.destroy(), 50))
      },
      'E_IO',
      /connection broke after \d+ of 1048576 bytes/,
    ],
  ]) {
    test(`${what}: exit code 1, and an error with the address`, async () => {
      const bad = await serveBytes(
        readFileSync(join(root, model)),
        (...to) => misbehave(...to) ?? true,
      )
      const { code: exit, stdout, stderr } = await start(['run', `${bad.url}m.gguf`, prompt])
      await bad.close()
      assert.equal(exit, 1)
      assert.equal(stdout, '')
      assert.ok(stderr.includes(`(${code})`), stderr)
      assert.ok(stderr.includes(bad.url), stderr)
      assert.match(stderr, mention)
    })
  }

  test('nobody there: exit code 1', async () => {
    const gone = await serveBytes(Buffer.alloc(1))
    await gone.close()
    const { code, stderr } = await start(['plan', gone.url])
    assert.equal(code, 1)
    assert.match(stderr, /cannot be reached.*\(E_IO\)/)
  })
})
