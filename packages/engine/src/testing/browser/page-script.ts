import { examineDevice, inspect, LajuError, load, openTokenizer, quantize, startWorkersFrom } from '../../index.ts'

const QUESTION = 'What is 12 + 30?'
const GREEDY = { temperature: 0 } as const

async function failureOf(promise: Promise<unknown>): Promise<{ code: string; remedy: string | undefined }> {
  const error = await promise.then(
    () => new Error('It went well.'),
    (error: unknown) => error,
  )
  if (error instanceof LajuError) return { code: error.code, remedy: error.remedy }
  throw error
}

/** What a page does besides asking. */
const WORK = {
  async conversation(blob: Blob) {
    await using model = await load(blob)
    const conversation = model.conversation()
    await conversation.send(QUESTION, GREEDY).reply
    const saved = await conversation.save()
    const expected = await conversation.send(QUESTION, GREEDY).reply
    const toPath = await failureOf(conversation.save('some.laju'))
    // What it has computed is not to be shared.
    await conversation.dispose()
    const restored = await model.restore(saved)
    const { text, usage } = await restored.send(QUESTION, GREEDY).reply
    const changed = new Uint8Array(await saved.arrayBuffer())
    changed[changed.length - 100] ^= 1
    return {
      same: text === expected.text,
      cached: usage.cachedTokens > 0 && usage.cachedTokens === expected.usage.cachedTokens,
      damaged: await failureOf(model.restore(new Blob([changed]))),
      toPath,
    }
  },

  async inspect(blob: Blob) {
    const { architecture, layers } = await inspect(blob)
    return { architecture, layers }
  },

  async refusals(blob: Blob) {
    return Promise.all([
      failureOf(quantize(blob, 'other.gguf', { type: 'Q4_0' })),
      failureOf(openTokenizer(blob)),
      failureOf(examineDevice()),
      failureOf(load(blob, { revectorize: true })),
      failureOf(load(new Blob(['<html>']))),
      failureOf(load([])),
    ])
  },

  async policy(blob: Blob) {
    const refused = await failureOf(load(blob))
    startWorkersFrom('/engine/worker.js')
    await using model = await load(blob, { threads: 2 })
    return { refused, threads: model.info.threads, text: (await model.ask(QUESTION, GREEDY)).text }
  },
}

export default async function ({ work, url }: { work: keyof typeof WORK; url: string }) {
  return WORK[work](await (await fetch(url)).blob())
}
