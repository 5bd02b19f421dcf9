import { join } from 'node:path'
import { BrowserBench } from '../../packages/engine/src/testing/browser/browser-bench.ts'
import type { BrowserName } from '../../packages/engine/src/testing/browser/browsers.ts'
import { serveEngine } from '../../packages/engine/src/testing/browser/built.ts'
import type { LajuPage } from './pages/laju.ts'
import type { WllamaPage } from './pages/wllama.ts'
import type { Setting, Speed } from './speed.ts'

/* Arguments: the setting, a browser, and for wllama the folder of its package. */

const [given = '', browser = '', wllama] = process.argv.slice(2)
const { file, ...setting } = JSON.parse(given) as Setting
const url = '/model.gguf'

await using bench = await BrowserBench.start(browser as BrowserName)
bench.serve(url, { file })
await serveEngine(bench)
if (wllama !== undefined) {
  const esm = join(wllama, 'node_modules/@wllama/wllama/esm')
  bench.serve('/wllama/index.js', { file: join(esm, 'index.js') })
  bench.serve('/wllama/wllama.wasm', { file: join(esm, 'wasm/wllama.wasm') })
}
const speed =
  wllama === undefined
    ? await bench.run<LajuPage, Speed>(new URL('./pages/laju.ts', import.meta.url), { ...setting, url })
    : await bench.run<WllamaPage, Speed>(new URL('./pages/wllama.ts', import.meta.url), { ...setting, url })
console.log(JSON.stringify(speed))
