import { createInterface } from 'node:readline/promises'
import { findDownloads, removeDownloads } from '@laju/engine'
import type { Command } from '../command.ts'
import { formatBytes } from '../terminal/units.ts'
import { UsageError } from '../usage-error.ts'
import { table } from './list.ts'

export const remove: Command = {
  name: 'remove',
  summary: 'Delete a downloaded model.',
  parameters: [{ name: 'MODEL', help: 'its name in "laju list"; hf:owner/name alone is all of that repository' }],
  options: {
    yes: { type: 'boolean', help: 'do not ask' },
    json: { type: 'boolean', help: 'print one JSON object: {"removed": [{name, path, bytes, date}]}' },
  },
  examples: [
    { line: 'laju remove hf:Qwen/Qwen3-0.6B-GGUF:Q8_0', help: 'one quantisation; asks first' },
    { line: 'laju remove qwen3:0.6b --yes', help: 'without asking' },
  ],

  async run(given, signal) {
    const typed = given.required(0)
    const models = await findDownloads(typed)
    const isMeant = given.flag('yes') || (await agrees(table(models), signal))
    if (isMeant) await removeDownloads(typed)
    const removed = isMeant ? models : []
    if (given.flag('json')) return console.log(JSON.stringify({ removed }))
    const bytes = removed.reduce((sum, model) => sum + model.bytes, 0)
    console.log(isMeant ? `Removed ${formatBytes(bytes)}.` : 'Nothing is removed.')
  },
}

async function agrees(what: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError('Without a terminal to ask at, --yes must say that the model is to be deleted.')
  }
  console.error(what)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question('Delete it? [y/N] ', { signal })).trim())
  } finally {
    terminal.close()
  }
}
