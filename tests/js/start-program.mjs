// Runs a program to its end, with what it reads and what it says.
import { spawn } from 'node:child_process'
import { root } from './paths.mjs'

/**
 * {code, signal, stdout, stderr} of a program in the checkout's folder. onOutput(child) is called at its first
 * output; stdout: 'pipe', or a file to write to.
 */
export function startProgram(
  program,
  args,
  { input = '', onOutput, stdout = 'pipe', ...options } = {},
) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, ...options, stdio: ['pipe', stdout, 'pipe'] })
    const result = { stdout: '', stderr: '' }
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      if (result.stdout === '') onOutput?.(child)
      result.stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      result.stderr += text
    })
    child.stdin.on('error', () => {}) // it may end before it has read everything
    child.stdin.end(input)
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ ...result, code, signal }))
  })
}
