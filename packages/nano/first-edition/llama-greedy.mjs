// Adds llama.cpp's greedy ids for a GGUF file to the fixture that greedy.py wrote, and at every
// step the gap between the two best logits (there, a gap near zero excuses another choice).
//
//     node llama-greedy.mjs GGUF GREEDY_JSON
//
// Copy it to a folder where the npm package node-llama-cpp (3.x) is installed; laju does not depend on it.

import { readFileSync, writeFileSync } from 'node:fs'
import { getLlama } from 'node-llama-cpp'

const [gguf, fixture] = process.argv.slice(2)
const { max_new_tokens: limit, cases } = JSON.parse(readFileSync(fixture, 'utf8'))

const llama = await getLlama({ gpu: false })
const model = await llama.loadModel({ modelPath: gguf })
const context = await model.createContext({ contextSize: 1024, threads: 1 })
const sequence = context.getSequence()

/** ln(p1 / p2), which is the difference of the two logits. */
function gapOfBestTwo(probabilities) {
  const [first, second] = [...probabilities.values()].sort((a, b) => b - a)
  return Number(Math.log(first / second).toFixed(3))
}

async function continueGreedily(promptIds) {
  await sequence.clearHistory()
  const ids = []
  const gaps = []
  const options = { temperature: 0, yieldEogToken: true }
  for await (const { token, probabilities } of sequence.evaluateWithMetadata(
    promptIds,
    { probabilities: true },
    options,
  )) {
    ids.push(token)
    gaps.push(gapOfBestTwo(probabilities))
    if (ids.length === limit || model.isEogToken(token)) break
  }
  return { ids, gaps }
}

let same = 0
for (const entry of cases) {
  const { ids, gaps } = await continueGreedily(entry.prompt_ids)
  entry.q8_0_ids = ids
  entry.q8_0_gaps = gaps
  if (ids.join() === entry.f32_ids.join()) same += 1
}

const rows = cases.map((entry) => JSON.stringify(entry)).join(',\n')
writeFileSync(fixture, `{"max_new_tokens": ${limit}, "cases": [\n${rows}\n]}\n`)
console.log(`${cases.length} prompts, ${same} with the same ids as F32`)
