import { parseArgs } from 'node:util'
import { logprobs } from '../packages/engine/src/generate/logprobs.ts'
import { Sampler } from '../packages/engine/src/generate/sampler.ts'
import { runCommand, wholeNumber } from './command.ts'
import { describeMachine } from './machine.ts'
import { floatNoise, randomWords } from './noise.ts'
import { quartiles } from './quartiles.ts'

const USAGE = `Measures what drawing a token costs beside computing it.

  node bench/sampling.ts [--vocabulary N] [--tokens N] [--json]

  --vocabulary N  logits a token (default 151936, Qwen3's)
  --tokens N      tokens drawn with each settings (default 200)
  --json          print the report as JSON`

const WARM_UP_TOKENS = 30
/** Sets of logits that take turns, so that none stays in a near cache and no branch is learnt by heart. */
const SETS = 24
/** Tokens of a prompt that penalties look at. */
const PROMPT_TOKENS = 2000
/** A bit for each token, as a grammar may have them. */
const ALLOWED = new Uint32Array(2 ** 15).fill(0x01_01_01_01)

const PLAIN = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  seed: 1,
}
const DEFAULT = { ...PLAIN, temperature: 0.8, topK: 40, topP: 0.95, minP: 0.05 }

/** Names and settings; what penalises looks at a prompt. */
const CHAINS = {
  greedy: { ...PLAIN, temperature: 0 },
  'default chain: 0.8, top-k 40, top-p 0.95, min-p 0.05': DEFAULT,
  'the same and all three penalties': {
    ...DEFAULT,
    repetitionPenalty: 1.1,
    frequencyPenalty: 0.2,
    presencePenalty: 0.2,
  },
  'Qwen3 thinking: 0.6, top-k 20, top-p 0.95': { ...PLAIN, temperature: 0.6, topK: 20, topP: 0.95 },
  'DeepSeek-R1: 0.6, top-p 0.95': { ...PLAIN, temperature: 0.6, topP: 0.95 },
  'min-p 0.05': { ...PLAIN, minP: 0.05 },
  'top-k 1000, top-p 0.95': { ...PLAIN, topK: 1000, topP: 0.95 },
  'everything may be drawn': PLAIN,
}

await runCommand(USAGE, async () => {
  const { values } = parseArgs({
    options: {
      vocabulary: { type: 'string', default: '151936' },
      tokens: { type: 'string', default: '200' },
      json: { type: 'boolean', default: false },
    },
  })
  const vocabulary = wholeNumber('vocabulary', values.vocabulary, 1)
  const tokens = wholeNumber('tokens', values.tokens, 1)
  const sets = Array.from({ length: SETS }, (_, i) => likeLogits(vocabulary, i + 1))
  const milliseconds: Record<string, ReturnType<typeof quartiles>> = {}
  for (const [name, settings] of Object.entries(CHAINS)) {
    const sampler = new Sampler(settings, vocabulary)
    sampler.acceptPrompt(Int32Array.from({ length: PROMPT_TOKENS }, (_, i) => (i * 7919) % vocabulary))
    milliseconds[name] = time(tokens, sets, (logits) => sampler.accept(sampler.sample(logits)))
  }
  for (const [name, settings] of Object.entries({ greedy: CHAINS.greedy, 'the default chain': DEFAULT })) {
    const sampler = new Sampler(settings, vocabulary)
    milliseconds[`${name}, with one token in eight allowed`] = time(tokens, sets, (logits) => {
      sampler.accept(sampler.sample(logits, allowOneInEight))
    })
  }
  for (const alternatives of [0, 5]) {
    milliseconds[`log-probabilities, ${alternatives} alternatives`] = time(tokens, sets, (logits) => {
      logprobs(logits, 0, alternatives)
    })
  }
  const report = { vocabulary, tokens, machine: describeMachine(), milliseconds }
  if (values.json) console.log(JSON.stringify(report, undefined, 2))
  else print(report)
})

function allowOneInEight(logits: Float32Array): void {
  for (let id = 0; id < logits.length; id++) {
    if (((ALLOWED[(id >>> 5) & 0x7fff] >>> (id & 31)) & 1) === 0) logits[id] = Number.NEGATIVE_INFINITY
  }
}

/** Most of a model's logits are normally distributed; a few tokens that fit stand out, ever less. */
function likeLogits(vocabulary: number, seed: number): Float32Array {
  const logits = new Float32Array(vocabulary)
  floatNoise(randomWords(seed), 0, 2.5)(new Uint8Array(logits.buffer))
  for (let rank = 0; rank < Math.min(100, vocabulary); rank++) {
    logits[(rank * 104_729 * seed) % vocabulary] = 20 - 1.5 * Math.log2(1 + rank)
  }
  return logits
}

function time(tokens: number, sets: readonly Float32Array[], draw: (logits: Float32Array) => void) {
  const times: number[] = []
  for (let i = 0; i < WARM_UP_TOKENS + tokens; i++) {
    const logits = sets[i % sets.length] ?? new Float32Array(0)
    const start = performance.now()
    draw(logits)
    if (i >= WARM_UP_TOKENS) times.push(performance.now() - start)
  }
  return quartiles(times)
}

function print({
  vocabulary,
  tokens,
  machine,
  milliseconds,
}: {
  vocabulary: number
  tokens: number
  machine: ReturnType<typeof describeMachine>
  milliseconds: Record<string, ReturnType<typeof quartiles>>
}): void {
  console.log(`${vocabulary} logits, ${tokens} tokens each, milliseconds a token: median (quartiles)`)
  console.log(`CPU   ${machine.cpu}, ${machine.platform}\nRuns on ${machine.runtime}\n`)
  for (const [name, { lower, median, upper }] of Object.entries(milliseconds)) {
    console.log(`${name.padEnd(55)} ${median.toFixed(3)}  (${lower.toFixed(3)} to ${upper.toFixed(3)})`)
  }
}
