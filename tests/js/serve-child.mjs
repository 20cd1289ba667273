// A server of files in a process of its own; tells its address to the process that forked it.
import { serveFiles } from './server.mjs'

const { url } = await serveFiles(process.argv[2])
process.send(url)
process.on('disconnect', () => process.exit())
