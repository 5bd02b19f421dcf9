import { FILE_TYPE_NAMES, type QuantizedFile, quantize as quantizeModel } from '@laju/engine'
import type { Command } from '../command.ts'
import { MODEL_HELP, resolveModel } from '../model-reference.ts'
import { showingProgress } from '../terminal/load-progress.ts'
import { neutralise } from '../terminal/neutralise.ts'
import { formatBytes, grouped } from '../terminal/units.ts'
import { UsageError } from '../usage-error.ts'

export const quantize: Command = {
  name: 'quantize',
  summary: 'Write a model as a GGUF file with fewer bits a weight.',
  parameters: [
    { name: 'MODEL', help: MODEL_HELP },
    { name: 'OUT', help: 'the new file; its name ends in .gguf' },
  ],
  options: {
    type: { type: 'string', value: 'TYPE', help: FILE_TYPE_NAMES.join(', ') },
    json: { type: 'boolean', help: 'print one JSON object: path, type, before, after, types' },
  },
  examples: [
    { line: 'laju quantize ./Qwen3-0.6B qwen3-0.6b-q8_0.gguf --type Q8_0', help: 'a folder as published' },
    { line: 'laju quantize hf:Qwen/Qwen3-0.6B qwen3-0.6b-q4_k_m.gguf --type Q4_K_M', help: 'straight from the Hub' },
    { line: 'laju quantize model-f16.gguf model-q4_0.gguf --type Q4_0', help: 'from another GGUF file' },
  ],

  async run(given, signal) {
    const typed = given.required(0)
    const output = given.required(1)
    const type = given.choice('type', FILE_TYPE_NAMES)
    if (type === undefined) throw new UsageError(`--type is missing; it is one of ${FILE_TYPE_NAMES.join(', ')}.`)
    const file = await showingProgress(typed, (onProgress) =>
      quantizeModel(resolveModel(typed), output, { type, signal, onProgress }),
    )
    for (const note of notes(file)) console.error(`note: ${note}`)
    console.log(given.flag('json') ? JSON.stringify(file) : describe(file))
  },
}

/** "out.gguf: Q4_K_M, 484 MB (1.50 GB before); 169 tensors in Q4_K, 29 in Q6_K, 113 in F32" */
function describe({ path, type, before, after, types }: QuantizedFile): string {
  const counts = Object.entries(types)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count], i) => `${grouped(count)}${i === 0 ? ' tensors' : ''} in ${name}`)
  return `${neutralise(path)}: ${type}, ${formatBytes(after)} (${formatBytes(before)} before); ${counts.join(', ')}`
}

function notes({ wasQuantized, hasTokenizer, type, fallbacks }: QuantizedFile): string[] {
  const all: string[] = []
  if (fallbacks.length > 0) {
    const some = fallbacks.slice(0, 3).map(neutralise).join(', ')
    const others = fallbacks.length > 3 ? ` and ${grouped(fallbacks.length - 3)} others` : ''
    all.push(`the rows of ${some}${others} are no whole blocks of ${type}: they are in a type of smaller blocks`)
  }
  if (wasQuantized) all.push('these weights had been quantised before; from the original, the file would be better')
  if (!hasTokenizer) all.push('there is no tokenizer beside the weights: the new file takes token ids only')
  return all
}
