import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { BROWSERS, type BrowserName } from '../packages/engine/src/testing/browser/browsers.ts'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import { type Setting, scriptContender } from './contenders/speed.ts'
import { describeMachine } from './machine.ts'
import { measureRounds, printHeader, printRow, RESULT_HEADER, resultRow, resultsOf } from './paired-runs.ts'

const USAGE = `Measures laju in a browser's page beside laju in Node: the same file, the same threads, by turns.

  node bench/browsers.ts FILE [options]

  --browser NAME   ${BROWSERS.join(' or ')} (default chromium)
  --wllama FOLDER  where the npm package @wllama/wllama is installed, to be measured in the same browser
  --threads N      default 2
  --prompt N       tokens that are read (default 512; wllama about as many)
  --generate N     tokens that are written (default 64)
  --pairs N        how often each runs (default 5)`

await runCommand(USAGE, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      browser: { type: 'string', default: 'chromium' },
      wllama: { type: 'string' },
      threads: { type: 'string', default: '2' },
      prompt: { type: 'string', default: '512' },
      generate: { type: 'string', default: '64' },
      pairs: { type: 'string', default: '5' },
    },
  })
  const [file] = positionals
  if (file === undefined || positionals.length > 1) throw new UsageError('Name one checkpoint file.')
  const browser = BROWSERS.find((name) => name === values.browser)
  if (browser === undefined) throw new UsageError(`--browser is ${BROWSERS.join(' or ')}, not ${values.browser}.`)
  const setting: Setting = {
    file,
    threads: wholeNumber('threads', values.threads, 1),
    depth: 0,
    prompt: wholeNumber('prompt', values.prompt, 1),
    generate: wholeNumber('generate', values.generate, 1),
  }
  const contenders = contendersIn(browser, values.wllama)
  const results = resultsOf(
    setting,
    await measureRounds(setting, contenders, wholeNumber('pairs', values.pairs, 1)),
    contenders,
  )
  const { cpu, cores, runtime, simd } = describeMachine()
  console.log(`${basename(file)} in ${browser}; ${cpu}, ${cores} processors, ${runtime}; ${values.pairs} pairs`)
  console.log(`${simd.join(' ')}\n`)
  printHeader(RESULT_HEADER)
  for (const result of results) printRow(resultRow(result))
})

/** The page first: it is what the others are held against. */
function contendersIn(browser: BrowserName, wllama: string | undefined) {
  const page = scriptContender(`laju in ${browser}`, './browser-speed.ts', [browser])
  const node = scriptContender('laju in Node', './laju-speed.ts')
  if (wllama === undefined) return [page, node]
  return [page, node, scriptContender('wllama', './browser-speed.ts', [browser, wllama])]
}
