import type { Browser, Page } from 'puppeteer-core'
import { type BrowserName, launchBrowser } from './browsers.ts'
import { bundleForBrowser } from './bundle.ts'
import { ISOLATION, type Served, StaticServer } from './static-server.ts'

/**
 * A browser and the server of its pages, which are empty until they run a script. Two hosts with the same content: one
 * whose pages are cross-origin isolated, one whose are not.
 */
export class BrowserBench {
  readonly browser: Browser
  readonly isolated: StaticServer
  readonly plain: StaticServer

  private constructor(browser: Browser, isolated: StaticServer, plain: StaticServer) {
    this.browser = browser
    this.isolated = isolated
    this.plain = plain
  }

  static async start(name: BrowserName, args: readonly string[] = []): Promise<BrowserBench> {
    // Other hosts may read what is served, as from a CDN.
    const open = { 'access-control-allow-origin': '*', 'access-control-expose-headers': '*' }
    const isolated = await StaticServer.start({}, { headers: { ...open, ...ISOLATION } })
    const plain = await StaticServer.start({}, { headers: open })
    const bench = new BrowserBench(await launchBrowser(name, args), isolated, plain)
    bench.serve('/', '<!doctype html><html lang="en"><title>laju</title></html>')
    bench.serve('/favicon.ico', '')
    return bench
  }

  /** @param path begins with a slash */
  serve(path: string, content: Served): void {
    for (const { content: all } of [this.isolated, this.plain]) all.set(path, content)
  }

  /** A page of its own for as long as it is not closed. */
  async open({ isolated = true, path = '/' } = {}): Promise<BrowserPage> {
    const page = await this.browser.newPage()
    await page.goto(`${(isolated ? this.isolated : this.plain).origin}${path}`)
    return new BrowserPage(this, page)
  }

  /** Runs one script in a page that is closed afterwards. */
  async run<Argument, Result>(script: URL, argument: Argument, options: { isolated?: boolean } = {}): Promise<Result> {
    await using page = await this.open(options)
    return await page.run<Argument, Result>(script, argument)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close()
    await this.isolated[Symbol.asyncDispose]()
    await this.plain[Symbol.asyncDispose]()
  }
}

let scripts = 0

export class BrowserPage {
  readonly page: Page
  readonly #bench: BrowserBench
  /** What the page's console said, and errors that nothing caught. */
  readonly console: string[] = []

  constructor(bench: BrowserBench, page: Page) {
    this.#bench = bench
    this.page = page
    page.on('console', (message) => this.console.push(message.text()))
    page.on('pageerror', (error) => this.console.push(String(error)))
  }

  /**
   * Bundles a TypeScript module with all that it imports and calls its default export, a function, in the page. What goes
   * in and what comes out must survive JSON.
   * @throws Error with the name, code and stack of what the script threw, and what the page's console said
   */
  async run<Argument, Result>(script: URL, argument: Argument): Promise<Result> {
    const path = `/script-${++scripts}.js`
    this.#bench.serve(path, await bundleForBrowser(script))
    const outcome = await this.page.evaluate(callOfDefault(path, JSON.stringify(argument ?? null)))
    const { result, failure } = JSON.parse(String(outcome)) as { result?: Result; failure?: string }
    if (failure === undefined) return result as Result
    throw new Error([failure, ...this.console].join('\n'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.close()
  }
}

/** A program for the page; as text, since what runs the tests rewrites the imports of functions. */
function callOfDefault(path: string, argument: string): string {
  return `(async () => {
    try {
      const { default: script } = await import(${JSON.stringify(path)})
      return JSON.stringify({ result: await script(JSON.parse(${JSON.stringify(argument)})) })
    } catch (error) {
      const code = error.code === undefined ? '' : ' (' + error.code + ')'
      return JSON.stringify({ failure: error.name + code + ': ' + error.message + '\\n' + error.stack })
    }
  })()`
}
