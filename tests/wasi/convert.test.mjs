// tinyai convert under wasmtime, through tools/wasi-run.
import { join } from 'node:path'
import { testConvert } from '../conformance/convert.mjs'
import { root } from '../js/paths.mjs'
import { startProgram } from '../js/start-program.mjs'

const start = (args) => startProgram(join(root, 'tools/wasi-run'), args)

testConvert('wasi', start, join(root, 'build/convert-wasi'))
