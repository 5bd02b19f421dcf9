#!/usr/bin/env node
// Kept to syntax that Node 18 can parse, so that an old Node gets a sentence and not a syntax error.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const main = new URL('../dist/main.js', import.meta.url)
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`error: laju needs Node 22.18 or later, but this is Node ${process.versions.node}.`)
  console.error('what to do: Install a current Node from https://nodejs.org and run the command again.')
  process.exitCode = 1
} else if (!existsSync(fileURLToPath(main))) {
  console.error('error: laju is not built yet: its dist folder is missing.')
  console.error('what to do: Run "npm run build" in the checkout and run the command again.')
  process.exitCode = 1
} else {
  const laju = await import(main.href)
  process.exitCode = await laju.main(process.argv.slice(2))
}
