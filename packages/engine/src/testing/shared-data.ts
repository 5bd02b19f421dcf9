import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FOLDER = new URL('../../../../../shared/data/', import.meta.url)

/**
 * The path of a file or folder of the shared test data (real vocabularies, reference models), which lies beside the
 * checkout and not in it; `undefined`, with a visible message, where this machine does not have it. For `it.skipIf`.
 */
export function sharedData(path: string): string | undefined {
  const found = fileURLToPath(new URL(path, FOLDER))
  if (existsSync(found)) return found
  console.warn(`Tests that need the shared data file ${path} are skipped: it is not here.`)
  return undefined
}
