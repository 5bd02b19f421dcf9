import { openTokenizer, type Tokenizer } from '@laju/engine'
import type { Arguments } from '../arguments.ts'
import type { Command } from '../command.ts'
import { MODEL_HELP, resolveModel } from '../model-reference.ts'
import { readTextFile } from '../read-text.ts'
import { showingProgress } from '../terminal/load-progress.ts'
import { neutralise } from '../terminal/neutralise.ts'
import { UsageError } from '../usage-error.ts'

export const tokenize: Command = {
  name: 'tokenize',
  summary: "Split a text into a model's tokens.",
  parameters: [
    { name: 'MODEL', help: MODEL_HELP },
    { name: 'TEXT', help: 'the text; or give --file', optional: true },
  ],
  options: {
    file: { type: 'string', value: 'F', help: 'read the text from this file, exactly as it is' },
    'no-special': { type: 'boolean', help: 'treat control tokens such as <|im_end|> as ordinary text' },
    beginning: { type: 'boolean', help: 'start with the token that begins a text, if the model has one' },
    json: { type: 'boolean', help: 'print {"ids": […]}' },
  },
  examples: [
    { line: 'laju tokenize nano "7 + 5 ="', help: 'each token with its text' },
    { line: 'laju tokenize ./qwen3.gguf --file notes.txt --json', help: 'only the ids, for programs' },
  ],

  async run(given, signal) {
    const text = await readText(given, signal)
    const typed = given.required(0)
    const tokenizer = await showingProgress(typed, (onProgress) =>
      openTokenizer(resolveModel(typed), { signal, onProgress }),
    )
    const ids = tokenizer.encode(text, { special: !given.flag('no-special'), beginning: given.flag('beginning') })
    if (given.flag('json')) console.log(JSON.stringify({ ids: Array.from(ids) }))
    else if (ids.length > 0) console.log(describe(tokenizer, ids))
  },
}

async function readText(given: Arguments, signal: AbortSignal): Promise<string> {
  const text = given.positional(1)
  const file = given.text('file')
  if (text !== undefined && file !== undefined) throw new UsageError('Give either TEXT or --file, not both.')
  if (file !== undefined) return readTextFile(file, signal)
  if (text === undefined) throw new UsageError('TEXT is missing (or --file F).')
  return text
}

function describe(tokenizer: Tokenizer, ids: Int32Array): string {
  const width = Math.max(...Array.from(ids, (id) => String(id).length))
  return Array.from(ids, (id) => `${String(id).padStart(width)}  ${piece(tokenizer.bytes(id))}`).join('\n')
}

/** A token in quotes; the bytes of half a character as hexadecimal. */
function piece(bytes: Uint8Array): string {
  try {
    return neutralise(JSON.stringify(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)))
  } catch {
    return `bytes ${Buffer.from(bytes)
      .toString('hex')
      .replaceAll(/..(?=.)/g, '$& ')}`
  }
}
