import { LajuError } from '../../errors.ts'
import type { BrowserBench, BrowserPage } from './browser-bench.ts'
import { bundleForBrowser } from './bundle.ts'
import type { StoreCalls } from './store-worker.ts'

const WORKER = '/store-worker.js'

/** A page with a worker that uses the store of its site. Pages of one bench are tabs of one site. */
export class StorePage implements AsyncDisposable {
  readonly tab: BrowserPage

  private constructor(tab: BrowserPage) {
    this.tab = tab
  }

  static async open(bench: BrowserBench): Promise<StorePage> {
    if (!bench.plain.content.has(WORKER)) {
      bench.serve(WORKER, await bundleForBrowser(new URL('./store-worker.ts', import.meta.url)))
    }
    const tab = await bench.open({ isolated: false })
    await tab.page.evaluate(`
      window.calls = new Map()
      window.worker = new Worker(${JSON.stringify(WORKER)}, { type: 'module' })
      worker.onmessage = ({ data }) => calls.get(data.id)(data)
      worker.onerror = (event) => console.error(event.message)
    `)
    return new StorePage(tab)
  }

  /** @throws LajuError as the worker does */
  async call<Name extends keyof StoreCalls>(
    call: Name,
    ...request: Parameters<StoreCalls[Name]>
  ): Promise<Awaited<ReturnType<StoreCalls[Name]>>> {
    const answer = await this.tab.page.evaluate(`new Promise((resolve) => {
      const id = calls.size
      calls.set(id, (data) => resolve(JSON.stringify(data)))
      worker.postMessage({ id, call: ${JSON.stringify(call)}, request: ${JSON.stringify(request)} })
    })`)
    const { result, error } = JSON.parse(String(answer))
    if (error !== undefined) throw new LajuError(error.code, error.message, { file: error.file, remedy: error.remedy })
    return result
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.tab.page.isClosed()) await this.tab.page.close()
  }
}
