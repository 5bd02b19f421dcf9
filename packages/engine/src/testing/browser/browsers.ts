import { existsSync } from 'node:fs'
import { type Browser, launch } from 'puppeteer-core'

export type BrowserName = 'chromium' | 'firefox'

/** Where systems put them; a variable of the environment names another place. */
const PLACES: Record<BrowserName, { readonly variable: string; readonly paths: readonly string[] }> = {
  chromium: {
    variable: 'CHROMIUM',
    paths: [
      '/usr/bin/chromium',
      '/usr/bin/chromium-browser',
      '/usr/bin/google-chrome',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    ],
  },
  firefox: {
    variable: 'FIREFOX',
    paths: ['/usr/bin/firefox-esr', '/usr/bin/firefox', '/Applications/Firefox.app/Contents/MacOS/firefox'],
  },
}

/** Those that the tests know how to drive, installed or not. */
export const BROWSERS: readonly BrowserName[] = ['chromium', 'firefox']

/** Whether a browser is on this machine; where it is not, it says so. For `describe.skipIf`. */
export function hasBrowser(name: BrowserName): boolean {
  if (pathOf(name) !== undefined) return true
  const { variable } = PLACES[name]
  console.warn(`Tests in ${name} are skipped: it is not installed, or ${variable} does not name its program.`)
  return false
}

function pathOf(name: BrowserName): string | undefined {
  const { variable, paths } = PLACES[name]
  const named = process.env[variable]
  return (named === undefined ? paths : [named]).find((path) => existsSync(path))
}

/** Starts a browser with a profile of its own, without a window. */
export async function launchBrowser(name: BrowserName, args: readonly string[] = []): Promise<Browser> {
  const executablePath = pathOf(name)
  if (executablePath === undefined) throw new Error(`${name} is not installed`)
  if (name === 'firefox') return launch({ browser: 'firefox', executablePath, headless: true, args: [...args] })
  // Containers have neither the sandbox's privileges nor a large /dev/shm.
  const chromiumArgs = ['--no-sandbox', '--disable-dev-shm-usage', ...args]
  return launch({ browser: 'chrome', executablePath, headless: true, args: chromiumArgs })
}
