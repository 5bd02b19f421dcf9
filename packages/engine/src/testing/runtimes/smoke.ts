import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Conversation, inspect, load, type Model, quantize } from '../../index.ts'
import { languageModel } from '../../prompt-api/language-model.ts'

/*
 * What every runtime must do alike: run as a program with the path of a safetensors folder and a number of threads. Prints what
 * each check gave as one JSON object, without times.
 */

const QUESTION = 'What is 347 + 285?'

type Checks = Readonly<Record<string, (model: Model, folder: string) => Promise<unknown>>>

const CHECKS: Checks = {
  info: async ({ info: { architecture, contextLength, notices, threads } }) => {
    return { architecture, contextLength, notices, threads }
  },
  ids: async (model) => greedyIds(model, QUESTION),
  answer: async (model) => {
    const types = new Set<string>()
    const generation = model.generate(QUESTION, { thinking: true, temperature: 0 })
    for await (const { type } of generation) types.add(type)
    const { text, reasoning, usage } = await generation.reply
    return { text, reasoning, usage, types: [...types] }
  },
  budget: async (model) => (await model.ask(QUESTION, { thinkingBudget: 4, temperature: 0 })).usage.reasoningTokens,
  conversation: async (model, folder) => {
    const conversation = model.conversation({ temperature: 0 })
    await conversation.send(QUESTION).reply
    const path = join(folder, 'sums.laju')
    await conversation.save(path)
    const restored = await model.restore(path)
    return [await secondAnswer(conversation), await secondAnswer(restored)]
  },
  abort: async (model) => {
    const controller = new AbortController()
    const { reply } = model.complete('hello', { maxTokens: 500, signal: controller.signal })
    controller.abort()
    return reply.then(() => 'answered').catch(({ name }) => name)
  },
  prompt: async (_, folder) => {
    const own = languageModel(join(folder, 'model.gguf'), { threads: 1, reply: { temperature: 0 } })
    const session = await own.create()
    try {
      return await session.prompt(QUESTION)
    } finally {
      session.destroy()
    }
  },
}

/** 200 greedy tokens, each the likeliest after all before. */
async function greedyIds(model: Model, question: string): Promise<number[]> {
  const { reply } = model.complete(question, { temperature: 0, maxTokens: 200, logprobs: 0 })
  return ((await reply).logprobs ?? []).map(({ id }) => id)
}

async function secondAnswer(conversation: Conversation): Promise<string> {
  return (await conversation.send('And 12 x 7?').reply).text
}

async function main([source, threads]: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'laju-'))
  const path = join(folder, 'model.gguf')
  try {
    await quantize(source, path, { type: 'Q8_0' })
    const results: Record<string, unknown> = { parameters: (await inspect(path)).parameters }
    await using model = await load(path, { threads: Number(threads), contextLength: 512 })
    for (const [name, check] of Object.entries(CHECKS)) results[name] = await check(model, folder)
    results.missing = await load(join(folder, 'none.gguf')).catch(({ code }) => code)
    console.log(JSON.stringify(results))
  } finally {
    await rm(folder, { recursive: true })
  }
}

await main(process.argv.slice(2))
