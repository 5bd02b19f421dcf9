import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** A TypeScript module and all that it imports as one ES module, as a browser would get it; from the sources. */
export async function bundleForBrowser(script: URL): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(script)],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    conditions: ['laju-source', 'browser'],
    sourcemap: 'inline',
    logLevel: 'silent',
  })
  return outputFiles[0].text
}
