import { pull as pullModel } from '@laju/engine'
import type { Command } from '../command.ts'
import { showingProgress } from '../terminal/load-progress.ts'
import { neutralise } from '../terminal/neutralise.ts'

export const pull: Command = {
  name: 'pull',
  summary: 'Download a model, or bring it up to date, and print where it is.',
  parameters: [{ name: 'MODEL', help: 'hf:owner/name[:quantisation or file], the address of a file, or a short name' }],
  options: { json: { type: 'boolean', help: 'print {"path": …}' } },
  examples: [
    { line: 'laju pull qwen3:0.6b', help: 'a short name' },
    { line: 'laju pull hf:Qwen/Qwen3-0.6B-GGUF:Q8_0', help: 'one quantisation of a repository on the Hub' },
    { line: 'laju pull hf:Qwen/Qwen3-0.6B', help: 'a model as it was published, in safetensors files' },
  ],

  async run(given, signal) {
    const typed = given.required(0)
    const path = await showingProgress(typed, (onProgress) => pullModel(typed, { signal, onProgress }))
    console.log(given.flag('json') ? JSON.stringify({ path }) : neutralise(path))
  },
}
