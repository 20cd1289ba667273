#!/usr/bin/env node
// The `tinyai` command in Node: run, plan, inspect, perplexity, convert, for files and URLs. The grammar, the output and the exit
// codes are those of the native command (src/cli/).
import { convertCommand } from './cli/convert.js'
import { inspectCommand } from './cli/inspect.js'
import { type CommandName, parseCommandLine, type Request, UsageError } from './cli/options.js'
import { perplexityCommand } from './cli/perplexity.js'
import { planCommand } from './cli/plan.js'
import { runCommand } from './cli/run.js'
import { stopOnInterrupt } from './cli/terminal.js'
import { isAbort, TinyAIError } from './errors.js'

const DONE = 0
const FAILED = 1
const USAGE = 2
const INTERRUPTED = 130

const COMMANDS: Record<CommandName, (request: Request, signal: AbortSignal) => Promise<void>> = {
  run: runCommand,
  plan: planCommand,
  inspect: inspectCommand,
  perplexity: perplexityCommand,
  convert: convertCommand,
}

/** Says an error, and puts {"error": …} on standard output with --json. */
function fail(error: unknown, json: boolean): number {
  const { name, message } = error as Error
  if (error instanceof TinyAIError) {
    const { code, offset, url, asked, allowed, missing } = error
    process.stderr.write(`tinyai: ${message} (${code})\n`)
    if (json) {
      const sizes = { askedBytes: asked, allowedBytes: allowed, missingBytes: missing }
      process.stdout.write(
        `${JSON.stringify({ error: { code, message, offset, url, ...sizes } })}\n`,
      )
    }
    return code === 'E_ARGUMENT' ? USAGE : FAILED
  }
  process.stderr.write(`tinyai: ${name}: ${message}\n`)
  return FAILED
}

async function main(): Promise<number> {
  let json = false
  const interrupted = stopOnInterrupt()
  try {
    const request = parseCommandLine(process.argv.slice(2))
    if ('text' in request) {
      const stream = request.code === DONE ? process.stdout : process.stderr
      stream.write(request.text)
      return request.code
    }
    json = request.json
    await COMMANDS[request.command](request, interrupted)
    return DONE
  } catch (error) {
    if (interrupted.aborted && isAbort(error)) return INTERRUPTED
    if (error instanceof UsageError) {
      process.stderr.write(`tinyai: ${error.message}\n`)
      return USAGE
    }
    return fail(error, json)
  }
}

// Whoever reads our output may stop early (`tinyai run … | head -1`): no reason to complain.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? DONE : FAILED)
  })
}

// Not process.exit(): what is written to a pipe may not be out yet.
process.exitCode = await main()
