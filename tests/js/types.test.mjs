// The shipped types: strict TypeScript takes a program that uses all of them, with the types of browsers alone and with
// those of Node alone, and refuses wrong uses.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { root } from './paths.mjs'

const folder = join(root, 'build/types')
const tsc = join(root, 'node_modules/.bin/tsc')

const USE = `
import { inspect, load, plan, TinyAIError, version } from '../../dist/index.js'
import type { ErrorCode, LoadOptions, MemoryReport, Mode, Model, Piece, Plan, ScheduleStep, Source, Stats } from '../../dist/index.js'

const options: LoadOptions = { memoryBudget: '256MB', contextLength: 512, kv: 'f16', kernels: 'auto', maxMemoryBudget: 2 ** 29, mode: 'memory-opt' }
const source: Source = {
  size: 5,
  identity: 'x',
  read: async (offset: number, length: number, signal: AbortSignal) => new Uint8Array(length),
}

export async function use(signal: AbortSignal): Promise<string> {
  const planned: Plan = await plan('model.gguf', options)
  const fits: boolean = planned.fits
  const kv: number = planned.byPurpose.kv
  const names: string[] = (await inspect(new URL('https://example.org/m.gguf'))).tensors.map((t) => t.name)
  await using model: Model = await load(source, { ...options, signal, onProgress: ({ stage, loaded }) => {} })
  let text = ''
  try {
    for await (const piece of model.generate('Once', { maxTokens: 5, stop: ['.'], signal })) {
      const { text: more, id }: Piece = piece
      text += more
    }
  } catch (error) {
    if (error instanceof TinyAIError) {
      const code: ErrorCode = error.code
      const missing: number | undefined = error.missing
    }
  }
  const ids: number[] = await model.tokenize(text, { addSpecial: false })
  const logits: Float32Array = await model.logits(new Uint32Array(ids))
  const { perplexity }: { perplexity: number } = await model.perplexity(text)
  const stats: Stats = model.stats()
  const mode: Mode = stats.engine.mode
  const lowered: Plan = await model.setBudget('64MB')
  const most: number = lowered.maxBudgetBytes + lowered.smallestBytes + lowered.reservedBytes
  const steps: ScheduleStep[] = await model.schedule()
  const before: number | null | undefined = steps[0]?.dependsOn
  const report: string = await model.memoryReport()
  const facts: MemoryReport = await model.memoryReport({ format: 'json' })
  const off: () => void = model.on('block', (block) => block.state === 'resident')
  off()
  await load(new Blob([]))
  await load(new Uint8Array(5), { wasmBytes: new ArrayBuffer(5), worker: false })
  return version + stats.engine.logitsHash + stats.blocks[0]?.state + fits + kv + names + logits + perplexity
}
`

/** Statements that must not compile. */
const WRONG = [
  `load(5)`,
  `load('x', { memoryBuget: 5 })`,
  `load('x', { kv: 'q4' })`,
  `load('x', { kernels: 'fast' })`,
  `load('x', { mode: 'slow' })`,
  `(await load('x')).setBudget()`,
  `const text: string = await (await load('x')).memoryReport({ format: 'json' })`,
  `load({ size: 5 })`,
  `(await load('x')).generate(5)`,
  `(await load('x')).generate('a', { maxToken: 5 })`,
  `(await load('x')).on('nothing', () => {})`,
  `const text: string = (await load('x')).stats().memory`,
]

const HOSTS = {
  browser: { lib: ['ES2022', 'DOM'], types: [] },
  node: { lib: ['ES2022'], types: ['node'] },
}

function compile(name, text, host) {
  const path = join(folder, name)
  writeFileSync(join(path, 'use.ts'), text)
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    target: 'ES2022',
    module: 'NodeNext',
    noEmit: true,
    skipLibCheck: false,
    ...host,
    typeRoots: [join(root, 'node_modules/@types')],
  }
  writeFileSync(join(path, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }))
  try {
    execFileSync(tsc, ['--project', path], { encoding: 'utf8' })
    return ''
  } catch (error) {
    return error.stdout
  }
}

describe('the types of the package', () => {
  before(() => {
    rmSync(folder, { recursive: true, force: true })
    for (const name of Object.keys(HOSTS)) mkdirSync(join(folder, name), { recursive: true })
  })

  for (const [name, host] of Object.entries(HOSTS)) {
    test(`are right with the types of ${name} alone`, () => {
      const text = USE.replaceAll('../../dist', '../../../dist')
      assert.equal(compile(name, text, host), '')
    })

    test(`refuse wrong uses with the types of ${name} alone`, () => {
      for (const wrong of WRONG) {
        const text = `import { load } from '../../../dist/index.js'\n${wrong}\n`
        assert.match(compile(name, text, host), /^use\.ts\(2,|use\.ts\(2,/, wrong)
      }
    })
  }
})
