import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Conversation, type Generation, load, type Model } from '@laju/engine'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import { describeMachine } from './machine.ts'

const USAGE = `Measures what a long conversation costs: its first and second turn, the caller's event loop meanwhile, and
how long it takes to save and to restore.

  node --conditions=laju-source bench/conversations.ts FILE [--tokens N] [--threads N] [--folder PATH]

  --tokens N     of the first question (default 2000)
  --threads N    that compute together (default 2)
  --folder PATH  where the conversation is saved (default: for temporary files)`

const RESOLUTION_MS = 1
const IDLE_MS = 3000
const RESTORES = 5
const QUESTION = 'What did the first sentence say? '
const greedy = { temperature: 0, maxTokens: 8 } as const

await runCommand(USAGE, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tokens: { type: 'string', default: '2000' },
      threads: { type: 'string', default: '2' },
      folder: { type: 'string', default: tmpdir() },
    },
  })
  const [file] = positionals
  if (file === undefined || positionals.length > 1) throw new UsageError('Name one checkpoint file.')
  const tokens = wholeNumber('tokens', values.tokens, 1)
  const threads = wholeNumber('threads', values.threads, 1)
  const { cpu, simd, runtime } = describeMachine()
  console.log(`${cpu}, ${simd.join(' ')}; ${runtime}; ${threads} threads`)
  const folder = mkdtempSync(join(values.folder, 'laju-'))
  try {
    await measure(file, { tokens, threads, path: join(folder, 'conversation') })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

async function measure(
  file: string,
  { tokens, threads, path }: { tokens: number; threads: number; path: string },
): Promise<void> {
  const options = { threads, contextLength: tokens + 512 }
  const model = await load(file, options)
  const conversation = model.conversation(greedy)
  const text = await textOf(model, tokens)
  console.log(`caller's event loop, idle            ${await loopDelay(() => setTimeout(IDLE_MS))}`)
  const turn = async () => report('first turn', conversation.send(text))
  console.log(`caller's event loop, in the first turn ${await loopDelay(turn)}`)
  await report('second turn', conversation.send(QUESTION))
  const saved = await timed(() => conversation.save(path))
  console.log(`saved in ${saved.toFixed(0)} ms, ${(statSync(path).size / 1e6).toFixed(1)} MB`)
  const text1 = (await conversation.send(QUESTION).reply).text
  await model.dispose()

  const fresh = await load(file, options)
  let restored: Conversation | undefined
  const times: number[] = []
  for (let i = 0; i < RESTORES; i++) {
    await restored?.dispose()
    times.push(
      await timed(async () => {
        restored = await fresh.restore(path)
      }),
    )
  }
  console.log(`restored in ${times.map((time) => time.toFixed(0)).join(', ')} ms`)
  if (!restored) return
  const { text: text2 } = await report('third turn, restored', restored.send(QUESTION))
  console.log(text1 === text2 ? 'the same text as without a restart' : 'ANOTHER TEXT THAN WITHOUT A RESTART')
  await fresh.dispose()
}

async function report(name: string, generation: Generation) {
  const start = performance.now()
  let first: number | undefined
  for await (const { type } of generation) if (type !== 'finish') first ??= performance.now() - start
  const reply = await generation.reply
  const { inputTokens, cachedTokens } = reply.usage
  const computed = `${inputTokens - cachedTokens} of ${inputTokens} tokens computed`
  console.log(
    `${name}: ${computed} in ${reply.timings.promptMs.toFixed(0)} ms; first text after ${first?.toFixed(0)} ms`,
  )
  return reply
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** How much later than they should timers fire. */
async function loopDelay(work: () => Promise<unknown>): Promise<string> {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  await work()
  histogram.disable()
  const [median, p99, most] = [histogram.percentile(50), histogram.percentile(99), histogram.max]
  const milliseconds = (nanoseconds: number) => (nanoseconds / 1e6 - RESOLUTION_MS).toFixed(2)
  return `median ${milliseconds(median)}, p99 ${milliseconds(p99)}, most ${milliseconds(most)} ms`
}

/** Words that make up so many tokens, about. */
async function textOf(model: Model, tokens: number): Promise<string> {
  const sentence = 'The quick brown fox jumps over the lazy dog, again and again. '
  const { length } = await model.tokenize(sentence)
  return sentence.repeat(Math.ceil(tokens / length))
}
