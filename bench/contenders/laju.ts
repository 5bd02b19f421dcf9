import { load } from '@laju/engine'
import { serve } from './protocol.ts'

/** laju's engine on one thread. Argument: the checkpoint. */
const [checkpoint = ''] = process.argv.slice(2)

await serve(async () => {
  const model = await load(checkpoint, { contextLength: 512, threads: 1 })
  return {
    description: '@laju/engine, wasm',
    async decode(prompt, tokens) {
      const { usage, timings } = await model.complete(prompt, { maxTokens: tokens, temperature: 0 }).reply
      return { tokens: usage.outputTokens, milliseconds: timings.generateMs }
    },
  }
})
