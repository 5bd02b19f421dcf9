import type { Metafile } from 'esbuild'

interface Bundle {
  readonly text: string
  readonly metafile: Metafile
}

/** A module of the engine with all that it imports, as a browser gets it. @param options.worker the script of workers */
export function bundle(file: string, options?: { worker?: string; minify?: boolean }): Promise<Bundle>

/** What is shipped to browsers. */
export function buildBrowser(options?: {
  minify?: boolean
}): Promise<{ worker: Bundle; page: Bundle; promptApi: Bundle }>
