// The conformance cases natively. The native command has only the scalar kernels.
import { fileURLToPath } from 'node:url'
import { commandHost } from '../conformance/command-host.mjs'
import { testCases } from '../conformance/run-cases.mjs'

const program = fileURLToPath(new URL('../../build/native-release/tinyai', import.meta.url))
testCases(commandHost('native', program, { kernels: ['scalar'] }))
