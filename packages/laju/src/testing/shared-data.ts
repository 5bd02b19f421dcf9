import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FOLDER = new URL('../../../../../shared/data/', import.meta.url)

/** The path of a file of the test data beside the checkout; undefined, with a visible message, where it is not. */
export function sharedData(path: string): string | undefined {
  const found = fileURLToPath(new URL(path, FOLDER))
  if (existsSync(found)) return found
  console.warn(`Tests that need the shared data file ${path} are skipped: it is not here.`)
  return undefined
}
