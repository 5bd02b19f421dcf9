import { open } from 'node:fs/promises'
import { type Model, OptionError, TokenizerError } from '@laju/engine'
import { ADAPTER_OPTION } from '../adapter-option.ts'
import type { Command } from '../command.ts'
import { MODEL_HELP } from '../model-reference.ts'
import { openModel } from '../open-model.ts'
import { LOAD_OPTIONS, loadOptions } from '../reply-options.ts'
import { systemReason } from '../system-reason.ts'
import { neutralise } from '../terminal/neutralise.ts'
import { mostLikely, type ScoredToken } from '../token-scores.ts'
import { UsageError } from '../usage-error.ts'

const DEFAULT_TOP = 5
const MOST_TOP = 100

export const logits: Command = {
  name: 'logits',
  summary: 'Compute what a model predicts after each of the given tokens.',
  parameters: [{ name: 'MODEL', help: MODEL_HELP }],
  options: {
    tokens: { type: 'string', value: '1,2,3', help: 'the token ids (see "laju tokenize")' },
    'raw-output': { type: 'string', value: 'F', help: 'write float32 little-endian [tokens, vocabulary] to F' },
    top: { type: 'string', value: 'N', help: `show the N most likely next tokens (default ${DEFAULT_TOP})` },
    ...ADAPTER_OPTION,
    backend: LOAD_OPTIONS.backend,
    cache: LOAD_OPTIONS.cache,
    json: { type: 'boolean', help: 'print one JSON object' },
  },
  examples: [
    { line: 'laju logits nano --tokens 5,12,9', help: 'the likeliest next tokens at each position' },
    { line: 'laju logits ./qwen3.gguf --tokens 1,2,3 --raw-output logits.f32', help: 'all logits, for programs' },
    { line: 'laju logits ./qwen3.gguf --tokens 1,2,3 --backend reference --json', help: 'from the exact backend' },
  ],

  async run(given, signal) {
    const ids = readIds(given.text('tokens'))
    const top = given.integer('top', 1, MOST_TOP)
    const output = given.text('raw-output')
    for (const name of ['top', 'json']) given.refuseTogether('raw-output', name)
    await using model = await openModel(given.required(0), { ...loadOptions(given, signal), contextLength: ids.length })
    refuseUnknownIds(ids, model.info.vocabulary)
    const { logits } = await model.forward(ids, { signal })
    if (output !== undefined) return writeFloats(output, logits)
    const positions = await describePositions(model, ids, logits, top ?? DEFAULT_TOP)
    console.log(given.flag('json') ? JSON.stringify({ positions }) : table(positions))
  },
}

/** A token; its text is null where the model comes without a tokenizer, which this command does not need. */
interface Named {
  readonly id: number
  readonly text: string | null
}

interface Position extends Named {
  readonly top: readonly (Named & ScoredToken)[]
}

function readIds(text: string | undefined): number[] {
  if (text === undefined) throw new UsageError('--tokens is missing.')
  return text.split(',').map((item) => {
    if (!/^\s*\d{1,10}\s*$/.test(item)) throw new UsageError(`--tokens must be ids like 1,2,3; "${item}" is none.`)
    return Number(item)
  })
}

function refuseUnknownIds(ids: readonly number[], vocabulary: number): void {
  const unknown = ids.find((id) => id >= vocabulary)
  if (unknown === undefined) return
  throw new OptionError('tokens', `The model has no token ${unknown}.`, `Use ids from 0 to ${vocabulary - 1}.`)
}

/** The memory of a Float32Array as it is: every machine that Node supports for this engine is little-endian. */
async function writeFloats(path: string, values: Float32Array): Promise<void> {
  try {
    await using file = await open(path, 'w')
    await file.writeFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  } catch (cause) {
    throw new Error(`Cannot write ${path}: ${systemReason(cause)}.`, { cause })
  }
}

async function describePositions(model: Model, ids: readonly number[], logits: Float32Array, count: number) {
  const width = model.info.vocabulary
  const positions: Position[] = []
  for (const [index, id] of ids.entries()) {
    const scores = mostLikely(logits.subarray(index * width, (index + 1) * width), count)
    const top = await Promise.all(scores.map(async (score) => ({ ...score, text: await textOf(model, score.id) })))
    positions.push({ id, text: await textOf(model, id), top })
  }
  return positions
}

async function textOf(model: Model, id: number): Promise<string | null> {
  try {
    return await model.detokenize([id])
  } catch (error) {
    if (error instanceof TokenizerError) return null
    throw error
  }
}

function table(positions: readonly Position[]): string {
  const lines = positions.map(({ id, text, top }, index) => {
    const rows = top.map((token) => {
      return `  ${token.logprob.toFixed(4).padStart(9)}  ${String(token.id).padStart(7)}  ${quoted(token.text)}`
    })
    return [`position ${index}, after ${id} ${quoted(text)}`, ...rows].join('\n')
  })
  return lines.join('\n')
}

function quoted(text: string | null): string {
  return text === null ? '' : neutralise(JSON.stringify(text))
}
