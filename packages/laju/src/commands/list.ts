import { type DownloadedModel, inspect, LajuError, listDownloads } from '@laju/engine'
import type { Command } from '../command.ts'
import { neutralise } from '../terminal/neutralise.ts'
import { formatBytes } from '../terminal/units.ts'

export const list: Command = {
  name: 'list',
  summary: 'Show the downloaded models that laju can run.',
  parameters: [],
  options: { json: { type: 'boolean', help: 'print one JSON object: {"models": [{name, path, bytes, date}]}' } },
  examples: [
    { line: 'laju list', help: 'name, size and date of each; also of what other programs put into the cache' },
    { line: 'laju list --json', help: 'for programs' },
  ],

  async run(given, signal) {
    const models: DownloadedModel[] = []
    const others: DownloadedModel[] = []
    for (const model of await listDownloads()) ((await isRunnable(model, signal)) ? models : others).push(model)
    if (given.flag('json')) return console.log(JSON.stringify({ models }))
    if (models.length > 0) console.log(table(models))
    else console.error('No model is downloaded yet. "laju pull qwen3:0.6b" gets one; nano is always here.')
    if (others.length > 0) console.error(`(${others.length} more in the cache are of kinds that laju does not run.)`)
  },
}

/** Its headers tell. */
async function isRunnable({ path }: DownloadedModel, signal: AbortSignal): Promise<boolean> {
  try {
    await inspect(path, { signal })
    return true
  } catch (error) {
    if (error instanceof LajuError && error.code !== 'aborted') return false
    throw error
  }
}

export function table(models: readonly DownloadedModel[]): string {
  const rows = models.map(({ name, bytes, date }) => {
    return [neutralise(name), formatBytes(bytes), date.toISOString().slice(0, 10)] as const
  })
  const nameWidth = Math.max(...rows.map(([name]) => name.length))
  const sizeWidth = Math.max(...rows.map(([, size]) => size.length))
  return rows.map(([name, size, date]) => `${name.padEnd(nameWidth)}  ${size.padStart(sizeWidth)}  ${date}`).join('\n')
}
