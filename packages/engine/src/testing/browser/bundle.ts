import { fileURLToPath } from 'node:url'
import { bundle } from '../../../build/browser.js'

const WORKER = fileURLToPath(new URL('../../worker/browser-worker.ts', import.meta.url))

let worker: Promise<string> | undefined

/** A TypeScript module and all that it imports as one ES module, as a browser would get it; from the sources. */
export async function bundleForBrowser(script: URL): Promise<string> {
  worker ??= bundle(WORKER).then(({ text }) => text)
  return (await bundle(fileURLToPath(script), { worker: await worker })).text
}
