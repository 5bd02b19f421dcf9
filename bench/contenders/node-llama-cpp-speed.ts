import { openLlama } from './open-llama.ts'
import type { Setting, Speed } from './speed.ts'

/** llama.cpp through node-llama-cpp, whose own loop draws each token greedily. Arguments: the setting, and its folder. */
const [given = '', folder = ''] = process.argv.slice(2)
const { file, threads, depth, prompt, generate } = JSON.parse(given) as Setting

const contextSize = depth + Math.max(prompt, generate) + 8
const { sequence, vocabulary, dispose } = await openLlama(file, folder, { threads, contextSize })

/** Others each time. */
function tokens(count: number): number[] {
  return Array.from({ length: count }, () => Math.floor(Math.random() * vocabulary))
}

async function prefill(): Promise<number> {
  const start = performance.now()
  await sequence.evaluateWithoutGeneratingNewTokens(tokens(prompt))
  return (1000 * prompt) / (performance.now() - start)
}

async function decode(): Promise<number> {
  const start = performance.now()
  let count = 0
  for await (const _ of sequence.evaluate(tokens(1), { temperature: 0, yieldEogToken: true })) {
    if (++count === generate) break
  }
  return (1000 * count) / (performance.now() - start)
}

/** Behind the depth, which is left as it was. */
async function behindDepth(measure: () => Promise<number>): Promise<number> {
  const speed = await measure()
  await sequence.eraseContextTokenRanges([{ start: depth, end: sequence.nextTokenIndex }])
  return speed
}

if (depth > 0) await sequence.evaluateWithoutGeneratingNewTokens(tokens(depth))
await behindDepth(prefill)
await behindDepth(decode)
const speed: Speed = { prefill: await behindDepth(prefill), decode: await behindDepth(decode) }
console.log(JSON.stringify(speed))
await dispose()
