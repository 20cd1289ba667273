// The conformance cases in wasmtime, through tools/wasi-run.
import { fileURLToPath } from 'node:url'
import { commandHost } from '../conformance/command-host.mjs'
import { testCases } from '../conformance/run-cases.mjs'

testCases(commandHost('wasmtime', fileURLToPath(new URL('../../tools/wasi-run', import.meta.url))))
