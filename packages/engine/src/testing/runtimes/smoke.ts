import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { type Conversation, inspect, load, type Model, quantize } from '../../index.ts'
import { languageModel } from '../../prompt-api/language-model.ts'
import { writeGreedily } from '../browser/greedy.ts'

/*
 * What every runtime must do alike: run as a program with the path of a safetensors folder, a number of threads, and paths of
 * other models, which only write. Prints what each check gave as one JSON object, without times.
 */

const QUESTION = 'What is 347 + 285?'
const QUESTIONS = [QUESTION, 'Berapa 12 + 7?', 'What is 91 - 38 + 17?', 'What is 23 * 4?', 'What is 8 + 9?']

type Checks = Readonly<Record<string, (model: Model, folder: string) => Promise<unknown>>>

const CHECKS: Checks = {
  info: async ({ info: { architecture, contextLength, notices, threads } }) => {
    return { architecture, contextLength, notices, threads }
  },
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

async function secondAnswer(conversation: Conversation): Promise<string> {
  return (await conversation.send('And 12 x 7?').reply).text
}

async function main([source, threads, ...others]: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'laju-'))
  const path = join(folder, 'model.gguf')
  try {
    await quantize(source, path, { type: 'Q8_0' })
    const results: Record<string, unknown> = { parameters: (await inspect(path)).parameters }
    await using model = await load(path, { threads: Number(threads), contextLength: 512 })
    for (const [name, check] of Object.entries(CHECKS)) results[name] = await check(model, folder)
    results.written = await writeGreedily(model, { url: path, prompts: QUESTIONS, chats: true })
    for (const other of others) {
      await using loaded = await load(other, { threads: Number(threads) })
      results[basename(other)] = await writeGreedily(loaded, { url: other, prompts: ['hello world, '], chats: false })
    }
    results.missing = await load(join(folder, 'none.gguf')).catch(({ code }) => code)
    console.log(JSON.stringify(results))
  } finally {
    await rm(folder, { recursive: true })
  }
}

await main(process.argv.slice(2))
