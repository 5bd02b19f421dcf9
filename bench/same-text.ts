import { parseArgs } from 'node:util'
import { load, openTokenizer } from '@laju/engine'
import { ChatTemplate } from '../packages/engine/src/chat/template.ts'
import { chatTemplateSource } from '../packages/engine/src/chat/template-source.ts'
import { openCheckpoint } from '../packages/engine/src/hub/open-checkpoint.ts'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import { openLlama } from './contenders/open-llama.ts'

const USAGE = `Answers 20 chat prompts greedily with laju and with llama.cpp, and tells where the texts part.

  node --conditions=laju-source bench/same-text.ts FILE --llama FOLDER [--tokens N] [--laju FILE] [--backend NAME]

  --llama FOLDER  a folder where the npm package node-llama-cpp is installed
  --tokens N      tokens of one answer at most (default 64)
  --laju FILE     what laju reads, where that is another file of the same weights
  --backend NAME  wasm (default) or reference

The gap is the difference of the two best logits, in llama.cpp's eyes, at the token where the texts part: 8-bit
activations alone move logits by about 0.1, so that a small gap is a matter of luck, and a large one is a mistake.`

const PROMPTS = [
  'What is the capital of France?',
  'Write one sentence about the sea.',
  'Why is the sky blue?',
  'Give me three tips for sleeping well.',
  'What is photosynthesis?',
  'Who wrote Romeo and Juliet?',
  'Explain gravity to a child.',
  'How do I boil an egg?',
  'Name three colours of the rainbow.',
  'What is the difference between a cat and a dog?',
  'Write a short poem about autumn.',
  'What is a computer?',
  'How many days are there in a week?',
  'Tell me a short story about a fox.',
  'What should I eat for breakfast?',
  'What is the largest planet of the solar system?',
  'How can I learn to play the guitar?',
  'Describe a sunny day.',
  'What does a teacher do?',
  'Why should we save water?',
]

await runCommand(USAGE, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      llama: { type: 'string' },
      tokens: { type: 'string', default: '64' },
      laju: { type: 'string' },
      backend: { type: 'string', default: 'wasm' },
    },
  })
  const [file] = positionals
  const { llama: folder, backend } = values
  if (file === undefined || positionals.length > 1) throw new UsageError('Name one checkpoint file.')
  if (folder === undefined) throw new UsageError('Name the folder of node-llama-cpp with --llama.')
  if (backend !== 'wasm' && backend !== 'reference') throw new UsageError('--backend takes wasm or reference.')
  const tokens = wholeNumber('tokens', values.tokens, 1)
  const ours = values.laju ?? file
  const asked = await promptsOf(ours)
  const theirs = await answersOfLlama(file, folder, asked, tokens)
  const model = await load(ours, { backend })
  let same = 0
  for (const [i, prompt] of asked.entries()) {
    const { text } = await model.complete(prompt, { maxTokens: tokens, temperature: 0 }).reply
    if (text === theirs[i].text) same++
    else console.log(`${PROMPTS[i]}\n  ${whereTheyPart(text, theirs[i])}`)
  }
  console.log(`${same} of ${PROMPTS.length} texts are the same`)
  await model.dispose()
})

/** The prompts in the words that the model was trained on. */
async function promptsOf(file: string): Promise<string[]> {
  const checkpoint = await openCheckpoint(file)
  const source = chatTemplateSource(checkpoint)
  await checkpoint.close()
  if (source === undefined) throw new Error(`${file} has no chat template.`)
  const template = new ChatTemplate(source, new Map(), file)
  return PROMPTS.map((content) => template.prompt([{ role: 'user', content }]).text)
}

interface Answer {
  /** What each token adds. */
  readonly pieces: readonly string[]
  readonly text: string
  /** Of the two best logits, at each token. */
  readonly gaps: readonly number[]
}

async function answersOfLlama(file: string, folder: string, prompts: readonly string[], tokens: number) {
  const { model, sequence, dispose } = await openLlama(file, folder)
  const tokenizer = await openTokenizer(file)
  const answers: Answer[] = []
  for (const prompt of prompts) {
    await sequence.clearHistory()
    const [ids, gaps]: [number[], number[]] = [[], []]
    const options = { temperature: 0, yieldEogToken: true }
    const steps = sequence.evaluateWithMetadata(model.tokenize(prompt, true), { probabilities: true }, options)
    for await (const { token, probabilities } of steps) {
      if (model.isEogToken(token)) break
      const [best, second] = [...probabilities.values()].sort((a, b) => b - a)
      ids.push(token)
      gaps.push(Math.log(best / second))
      if (ids.length === tokens) break
    }
    const pieces = ids.map((_, i) =>
      tokenizer.decode(ids.slice(0, i + 1)).slice(tokenizer.decode(ids.slice(0, i)).length),
    )
    answers.push({ pieces, text: tokenizer.decode(ids), gaps })
  }
  await dispose()
  return answers
}

function whereTheyPart(text: string, { pieces, text: theirs, gaps }: Answer): string {
  let at = 0
  while (at < theirs.length && text[at] === theirs[at]) at++
  let token = 0
  for (let end = 0; token < pieces.length; token++) {
    end += pieces[token].length
    if (end > at) break
  }
  const [ourEnd, theirEnd] = [text, theirs].map((whole) => JSON.stringify(whole.slice(at, at + 32)))
  return `part at token ${token + 1}, gap ${(gaps[token] ?? 0).toFixed(4)}: ${ourEnd} for llama.cpp's ${theirEnd}`
}
