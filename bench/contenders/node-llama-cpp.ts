import { openLlama } from './open-llama.ts'
import { serve } from './protocol.ts'

/** llama.cpp. Arguments: the checkpoint, and a folder where the npm package node-llama-cpp is installed. */
const [checkpoint = '', folder = ''] = process.argv.slice(2)

await serve(async () => {
  const { description, model, sequence } = await openLlama(checkpoint, folder)
  return {
    description,
    async decode(prompt, tokens) {
      await sequence.clearHistory()
      let count = 0
      let first = 0
      for await (const _ of sequence.evaluate(model.tokenize(prompt), { temperature: 0 })) {
        if (count === 0) first = performance.now()
        count++
        if (count === tokens) break
      }
      return { tokens: count, milliseconds: performance.now() - first }
    },
  }
})
