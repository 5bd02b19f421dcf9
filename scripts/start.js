// `npm start`: builds the command if needed, asks the bundled model a question, and then lets a person go on asking.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import './check-node.js'

const QUESTION = 'What is 17 + 25?'

build()
console.log('Welcome to laju. This model comes with it and runs on this machine alone.\n')
const { main } = await import(new URL('../packages/laju/dist/main.js', import.meta.url).href)
process.exitCode = await main(['chat', 'nano', '--ask', QUESTION])

/** The compiler looks for itself whether anything has to be done. */
function build() {
  const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url))
  const folder = fileURLToPath(new URL('../packages/laju', import.meta.url))
  const { status, error } = spawnSync(process.execPath, [compiler, '-b', folder], { stdio: 'inherit' })
  if (status === 0) return
  console.error(`error: laju could not be built${error ? ` (${error.message})` : ''}.`)
  console.error(
    'what to do: Run "npm install" and try again; messages of the compiler above name faults in the source.',
  )
  process.exit(1)
}
