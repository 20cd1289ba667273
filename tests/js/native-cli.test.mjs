// The native `tinyai` command: the cases of all hosts, and what only a native program has.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, copyFileSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  greedy,
  model,
  prompt,
  root,
  testCommand,
  unreadableFolder,
} from '../conformance/command.mjs'
import { startProgram } from './start-program.mjs'

const command = join(root, 'build/native-release/tinyai')

function start(args, { program = command, ...options } = {}) {
  return startProgram(program, args, options)
}

testCommand('native', start, { otherKernels: 'simd128' })

describe('native command', () => {
  const forever = ['run', model, prompt, '--ignore-eos', '--temperature', '0']

  test('Ctrl-C ends the text cleanly', async () => {
    const interrupt = (child) => child.kill('SIGINT')
    const result = await start(forever, { onOutput: interrupt })
    assert.equal(result.code, 130, result.stderr)
    assert.ok(result.stdout.endsWith('\n'))
    const json = await start([...forever, '--json'], {
      onOutput: interrupt,
    })
    if (json.code !== 0) assert.equal(json.code, 130) // a quick machine may be done
    assert.equal(JSON.parse(json.stdout).stats.memory.budgetBytes > 0, true)
  })

  test('SIGUSR1 makes it give memory back, SIGUSR2 take it again, and no token changes', async () => {
    const args = ['run', model, prompt, ...greedy, '--max-tokens', '400', '--ignore-eos', '--json']
    const alone = JSON.parse((await start(args)).stdout)
    assert.equal(alone.stats.stream.misses, alone.stats.blocks.length) // each block is read once
    const signals = ['SIGUSR1', 'SIGUSR2']
    let timer
    const result = await start(
      [...args, '--report', '-'].filter((arg) => arg !== '--json'),
      {
        onOutput: (child) => {
          timer ??= setInterval(() => child.kill(signals.reverse()[0]), 10)
        },
      },
    )
    clearInterval(timer)
    assert.equal(result.code, 0, result.stderr)
    assert.ok(result.stdout.startsWith(alone.text))
    const misses = Number(/(\d+) misses in/.exec(result.stdout)[1])
    assert.ok(misses > alone.stats.blocks.length, result.stdout)
  })

  test('Ctrl-C while it waits for the prompt', async () => {
    const child = spawn(command, ['run', model], { cwd: root, stdio: ['pipe', 'pipe', 'pipe'] })
    const ended = new Promise((resolve) => child.on('close', resolve))
    const timer = setInterval(() => child.kill('SIGINT'), 500)
    const code = await ended
    clearInterval(timer)
    assert.equal(code, 130)
  })

  test('a full disk is an error', async () => {
    const full = openSync('/dev/full', 'w')
    const result = await start(['run', model, prompt, ...greedy], { stdout: full })
    assert.equal(result.code, 1)
    assert.match(result.stderr, /standard output could not be written/)
  })

  test('a folder without permission is an error that says so', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tinyai-native-'))
    chmodSync(folder, 0o755)
    const program = join(folder, 'tinyai') // where every user may run it
    copyFileSync(command, program)
    const secret = unreadableFolder(folder)
    try {
      const nobody = process.getuid() === 0 ? { uid: 65534, gid: 65534, cwd: folder } : {} // root sees all
      const result = await start(['run', secret.path, prompt], { program, ...nobody })
      assert.equal(result.code, 1)
      assert.match(result.stderr, /cannot open .*no permission.* \(E_NOT_FOUND\)/)
    } finally {
      secret.release()
      rmSync(folder, { recursive: true })
    }
  })

  test('perplexity of the held-out text is that of llama.cpp within 0.5 %', async () => {
    const folder = 'tests/vectors/storyteller'
    const golden = JSON.parse(readFileSync(join(root, folder, 'golden.json'), 'utf8'))
    const wanted = golden.files['storyteller-q8_0.gguf'].perplexity.windowed
    const args = [
      '--file',
      join(folder, 'heldout.txt'),
      '--kv',
      'f32',
      '--context',
      '512',
      '--json',
    ]
    const { perplexity, tokens } = JSON.parse((await start(['perplexity', model, ...args])).stdout)
    assert.equal(tokens, wanted.tokens)
    assert.ok(Math.abs(perplexity / wanted.perplexity - 1) < 0.005, `${perplexity}`)
  })

  test('TINYAI_MODEL names the default model', async () => {
    const env = { ...process.env, TINYAI_MODEL: 'tests/vectors/storyteller/storyteller-q4_0.gguf' }
    const { stdout } = await start(['plan', '--json'], { env })
    assert.equal(JSON.parse(stdout).fileBytes, 2149184)
  })
})
