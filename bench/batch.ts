import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { load, type Model, type Reply } from '@laju/engine'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import { describeMachine } from './machine.ts'
import { quartiles } from './quartiles.ts'

const USAGE = `Measures what it brings to write several replies at once: tokens a second, one by one and all together, by turns.

  node --conditions=laju-source bench/batch.ts FILE [--replies N] [--threads N] [--tokens N] [--rounds N]
                                                [--revectorize]

  --replies N  at once (default 8)
  --threads N  that compute together (default 2)
  --tokens N   of a reply (default 64)
  --rounds N   default 5
  --revectorize  as the option of load`

const WORDS = ['ship', 'tree', 'star', 'king', 'road', 'song', 'fire', 'rain']

await runCommand(USAGE, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      replies: { type: 'string', default: '8' },
      threads: { type: 'string', default: '2' },
      tokens: { type: 'string', default: '64' },
      rounds: { type: 'string', default: '5' },
      revectorize: { type: 'boolean', default: false },
    },
  })
  const [file] = positionals
  if (file === undefined || positionals.length > 1) throw new UsageError('Name one checkpoint file.')
  const replies = wholeNumber('replies', values.replies, 2)
  const threads = wholeNumber('threads', values.threads, 1)
  const tokens = wholeNumber('tokens', values.tokens, 2)
  const rounds = wholeNumber('rounds', values.rounds, 1)
  const { cpu, simd, runtime } = describeMachine()
  console.log(`${basename(file)}; ${cpu}, ${simd.join(' ')}; ${runtime}; ${threads} threads`)
  const { revectorize } = values
  const model = await load(file, { threads, revectorize, contextLength: replies * (tokens + 64) })
  try {
    await measure(model, replies, tokens, rounds)
  } finally {
    await model.dispose()
  }
})

async function measure(model: Model, replies: number, tokens: number, rounds: number): Promise<void> {
  const write = (i: number) => {
    const prompt = `${i} ${WORDS[i % WORDS.length]}`
    return model.complete(prompt, { maxTokens: tokens, temperature: 0 }).reply
  }
  const together = () => Promise.all(Array.from({ length: replies }, (_, i) => write(i)))
  await write(0)
  await together()
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    const alone = await write(round % replies)
    const all = await together()
    if (all[round % replies].text !== alone.text) throw new Error('A reply is another when it is written with others.')
    ratios.push(speed(all) / speed([alone]))
    console.log(`alone ${speed([alone]).toFixed(1)}, together ${speed(all).toFixed(1)} tokens/s`)
  }
  const { lower, median, upper } = quartiles(ratios)
  console.log(`${replies} together: ${median.toFixed(2)} times (${lower.toFixed(2)} to ${upper.toFixed(2)})`)
}

/** Tokens a second, of all replies together, from the first token of each to its last. */
function speed(replies: readonly Reply[]): number {
  return replies.reduce((total, { timings }) => total + timings.tokensPerSecond, 0)
}
