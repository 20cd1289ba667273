// `cmake --install`: another project finds headers and library through pkg-config and through CMake, in C and C++.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bundled, root } from './paths.mjs'

const folder = mkdtempSync(join(tmpdir(), 'tinyai-install-'))
after(() => rmSync(folder, { recursive: true }))
const prefix = join(folder, 'moved')
const project = join(root, 'tests/package-c')
const run = (program, args, options) =>
  execFileSync(program, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe', ...options })

before(() => {
  const first = join(folder, 'first')
  run('cmake', ['--install', join(root, 'build/native-release'), '--prefix', first])
  renameSync(first, prefix) // nothing in it may know where it was installed to
})

describe('an installed TinyAI', () => {
  const flags = () => {
    const file = readdirSync(prefix, { recursive: true }).find((name) => name.endsWith('.pc'))
    const env = { ...process.env, PKG_CONFIG_PATH: join(prefix, dirname(file)) }
    return run('pkg-config', ['--cflags', '--libs', 'tinyai'], { env }).trim().split(/\s+/)
  }
  const told = /^TinyAI \d+\.\d+\.\d+: 5 layers\n$/

  test('builds a C program through pkg-config', () => {
    const program = join(folder, 'through-pkg-config')
    const strict = ['-std=c11', '-Wall', '-Wextra', '-Werror']
    run(process.env.CC ?? 'cc', [...strict, join(project, 'main.c'), ...flags(), '-o', program])
    assert.match(run(program, [bundled]), told)
    assert.throws(() => run(program, ['missing.gguf']), { status: 1 })
  })

  test('builds a C program through a CMake package', () => {
    const build = join(folder, 'through-cmake')
    run('cmake', ['-S', project, '-B', build, '-G', 'Ninja', `-DCMAKE_PREFIX_PATH=${prefix}`])
    run('cmake', ['--build', build])
    assert.match(run(join(build, 'user'), [bundled]), told)
  })

  test('builds a C++ program whose handles give themselves back', () => {
    const program = join(folder, 'raii')
    const strict = ['-std=c++17', '-Wall', '-Wextra', '-Werror']
    const compiler = (process.env.TINYAI_CLANG ?? 'clang').replace(/clang(?=[^/]*$)/, 'clang++')
    run(compiler, [...strict, join(project, 'raii.cpp'), ...flags(), '-o', program])
    assert.equal(run(program, [bundled]), 'held 1, left 0 allocations of 0 bytes\n')
  })

  test('holds the command, and every public header', () => {
    assert.match(run(join(prefix, 'bin/tinyai'), ['--version']), /^tinyai \d/)
    for (const header of ['tinyai.h', 'memory.h', 'raii.h', 'utils/mmap_loader.h'])
      assert.ok(existsSync(join(prefix, 'include/tinyai', header)), header)
  })
})
