export interface PhonePage {
  /** Of the model. */
  readonly url: string
  readonly memoryLimit: number
  readonly threads: number
}

export interface PhoneFigures {
  readonly contextLength: number
  readonly cacheType: string
  /** Bytes. */
  readonly memory: number
  /** From the call of `load()` to the first token, the model in the storage of the site. */
  readonly firstTokenMs: number
  readonly tokensPerSecond: number
  /** Tokens in the context at the end. */
  readonly tokens: number
  /** The longest that the page's thread was busy at a time while a reply was written; 0 for less than 50. */
  readonly longestTaskMs: number
}

/** In a page: the model is fetched and kept, then loaded from there within a limit, and its context is filled. */
export default async function ({ url, memoryLimit, threads }: PhonePage): Promise<PhoneFigures> {
  const path = '/engine/index.js'
  const { load, pull } = (await import(path)) as typeof import('@laju/engine')
  await pull(new URL(url, location.href).href)
  const tasks: number[] = []
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
    type: 'longtask',
  })
  const start = performance.now()
  await using model = await load(url, { memoryLimit, threads })
  const options = { temperature: 0, maxTokens: 64 } as const
  let firstTokenMs = 0
  const generation = model.complete('Why is the sky blue? '.repeat(6), options)
  for await (const _ of generation) firstTokenMs ||= performance.now() - start
  const { timings } = await generation.reply
  const { contextLength, cacheType, memory } = model.info
  const word = await model.tokenize('blue ')
  const room = contextLength - 80
  const text = await model.detokenize(Array.from({ length: room }, (_, i) => word[i % word.length]))
  const full = await model.complete(text, options).reply
  return {
    contextLength,
    cacheType,
    memory: memory.total,
    firstTokenMs,
    tokensPerSecond: timings.tokensPerSecond,
    tokens: full.usage.inputTokens + full.usage.outputTokens,
    longestTaskMs: Math.max(0, ...tasks),
  }
}
