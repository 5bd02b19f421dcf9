// Builds what browsers load: dist/browser/index.js, a module for the page with the engine's worker inside it as text, and
// dist/browser/worker.js, the same worker as a file. `node build/browser.js` writes them from the sources.

import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const SOURCES = new URL('../src/', import.meta.url)
const OUTPUT = new URL('../dist/browser/', import.meta.url)

/** @type {(entry: string) => string} */
const sourceFile = (entry) => fileURLToPath(new URL(entry, SOURCES))

/**
 * @param {string} file
 * @param {{ worker?: string, minify?: boolean, plugins?: import('esbuild').Plugin[] }} options worker: the text of the worker's script
 */
export async function bundle(file, { worker = '', minify = false, plugins = [] } = {}) {
  const { outputFiles, metafile } = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    metafile: true,
    minify,
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    conditions: ['laju-source', 'browser'],
    define: { LAJU_WORKER_SOURCE: JSON.stringify(worker) },
    legalComments: 'none',
    logLevel: 'silent',
    plugins,
  })
  return { text: outputFiles[0].text, metafile }
}

/** What stands on the engine imports the page's module beside it, and does not hold it a second time. */
const engineBeside = {
  name: 'engine-beside',
  /** @param {import('esbuild').PluginBuild} build */
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.\/index\.ts$/ }, () => ({ path: './index.js', external: true }))
  },
}

/** The worker, the page's module with it inside, and the Prompt API beside that. */
export async function buildBrowser({ minify = true } = {}) {
  const worker = await bundle(sourceFile('worker/browser-worker.ts'), { minify })
  const page = await bundle(sourceFile('index.ts'), { worker: worker.text, minify })
  const promptApi = await bundle(sourceFile('prompt-api/language-model.ts'), { minify, plugins: [engineBeside] })
  return { worker, page, promptApi }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { worker, page, promptApi } = await buildBrowser()
  mkdirSync(OUTPUT, { recursive: true })
  writeFileSync(new URL('worker.js', OUTPUT), worker.text)
  writeFileSync(new URL('index.js', OUTPUT), page.text)
  writeFileSync(new URL('prompt-api.js', OUTPUT), promptApi.text)
  console.log(`dist/browser: worker.js ${worker.text.length} bytes, index.js ${page.text.length} bytes`)
}
