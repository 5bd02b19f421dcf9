import { buildBrowser } from '../../../build/browser.js'
import type { BrowserBench } from './browser-bench.ts'

let build: ReturnType<typeof buildBrowser> | undefined

/**
 * Serves the engine as it is shipped: `/engine/index.js` and `/engine/prompt-api.js` for pages, `/engine/worker.js`, and `/engine/baseline-worker.js`,
 * a worker in which WebAssembly has no relaxed SIMD.
 */
export async function serveEngine(bench: BrowserBench): Promise<void> {
  build ??= buildBrowser()
  const { page, worker, promptApi } = await build
  bench.serve('/engine/index.js', page.text)
  bench.serve('/engine/prompt-api.js', promptApi.text)
  bench.serve('/engine/worker.js', worker.text)
  bench.serve('/engine/baseline-worker.js', `${WITHOUT_RELAXED_SIMD}\n${worker.text}`)
}

/** Neither browser can be told to do without: modules with `i32x4.relaxed_dot_i8x16_i7x16_add_s` (fd 93 02) are refused. */
const WITHOUT_RELAXED_SIMD = `{
  const isRelaxed = (bytes) => bytes.some((byte, i) => byte === 0xfd && bytes[i + 1] === 0x93 && bytes[i + 2] === 0x02)
  const { validate, Module } = WebAssembly
  WebAssembly.validate = (bytes) => !isRelaxed(bytes) && validate(bytes)
  WebAssembly.Module = function (bytes) {
    if (isRelaxed(bytes)) throw new WebAssembly.CompileError('relaxed SIMD')
    return new Module(bytes)
  }
}`
