import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { countReservations, measured } from './measure.ts'
import type { FromChild } from './run.ts'

/*
 * A process that loads one broken model after the other and tells its parent how each went. The parent ends it when
 * one takes too long. Started with the seed, the first case and the one after the last.
 */

countReservations()
// Imported now, so that what they allocate is counted too.
const { fuzzCases } = await import('./cases.ts')
const { loadAll } = await import('./load-all.ts')

const [seed, from, to] = process.argv.slice(2).map(Number)
const folder = mkdtempSync(join(tmpdir(), 'laju-fuzz-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
process.on('disconnect', () => process.exit())

const tell = (message: FromChild) => new Promise<void>((resolve) => process.send?.(message, () => resolve()))

const caseOf = await fuzzCases(seed)
/** The folder of each original, whole except while a case is run. */
const folders = new Map<object, string>()

for (let index = from; index < to; index++) {
  const { container, original, file, content } = caseOf(index)
  const path = folderOf(original.files)
  writeFileSync(join(path, file), content)
  const bytes = Math.max(content.length, original.files.get(file)?.length ?? 0)
  await tell({ begun: index, container, file })
  const start = performance.now()
  const taken = await measured(() => loadAll(join(path, original.open)))
  await tell({ done: index, ...taken, bytes, milliseconds: performance.now() - start })
  writeFileSync(join(path, file), original.files.get(file) ?? new Uint8Array())
}
process.disconnect()

function folderOf(files: ReadonlyMap<string, Uint8Array>): string {
  const known = folders.get(files)
  if (known !== undefined) return known
  const path = join(folder, `${folders.size}`)
  for (const [name, content] of files) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), content)
  }
  folders.set(files, path)
  return path
}
