import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { tokenizerFromJson } from '../packages/engine/src/tokenizer/from-tokenizer-json.ts'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import { GivenReplies, type Written } from './given-replies.ts'
import { describeMachine, type Machine } from './machine.ts'
import { type Quartiles, quartiles } from './quartiles.ts'

const USAGE = `Measures what guesses by prompt lookup bring: replies written with them and without, by turns.

  node bench/speculation.ts FILE TOKENIZER [--tokens N] [--pairs N] [--threads N] [--json]

  FILE         a checkpoint, its weights may be random
  TOKENIZER    a tokenizer.json whose ids it has
  --tokens N   tokens of a reply at most (default 160)
  --pairs N    how often each reply is written in each way (default 5)
  --threads N  default 1
  --json       print the report as JSON

What the model would write is given: every step computes what it would for such a reply, and its logits are thrown away.`

const COMMENTS = [
  'True as far as it goes, but nobody outside would know why.',
  'An example would help more than the rule does.',
  'I would move this to the beginning, where it belongs.',
  'Who decides that, and when was it last checked?',
  'Fine.',
]

/** The project's own texts: what is asked, and what is answered. */
function tasks(): { name: string; prompt: string; reply: string }[] {
  const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
  const code = read('packages/engine/src/generate/largest.ts')
  const page = read('docs/architecture.md').slice(0, 2400)
  const sentences = page.split(/(?<=\.)\s+/)
  return [
    { name: 'repeats a page', prompt: `Repeat:\n\n${page}\n\n`, reply: page },
    {
      name: 'renames in a program',
      prompt: `Rename \`heap\` to \`best\`:\n\n${code}\n\n`,
      reply: code.replaceAll('heap', 'best'),
    },
    {
      name: 'quotes and comments',
      prompt: `Comment on every second sentence:\n\n${page}\n\n`,
      reply: sentences
        .map((sentence, i) => (i % 2 === 0 ? `> ${sentence}\n\n` : `${COMMENTS[(i >> 1) % COMMENTS.length]}\n\n`))
        .join(''),
    },
    { name: 'writes something else', prompt: `Continue:\n\n${code}\n\n`, reply: read('CONTRIBUTING.md').slice(1200) },
  ]
}

interface Task {
  readonly name: string
  readonly prompt: Int32Array
  readonly reply: Int32Array
}

interface Report {
  readonly file: string
  readonly threads: number
  readonly machine: Machine
  readonly figures: readonly Figures[]
}

interface Figures {
  readonly name: string
  readonly promptTokens: number
  readonly replyTokens: number
  /** Per reply, in the mean. */
  readonly guessed: number
  readonly right: number
  readonly plainTokensPerSecond: Quartiles
  readonly tokensPerSecond: Quartiles
  /** With guesses over without, within pairs. */
  readonly ratio: Quartiles
}

await runCommand(USAGE, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tokens: { type: 'string', default: '160' },
      pairs: { type: 'string', default: '5' },
      threads: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  })
  const [file, vocabulary] = positionals
  if (file === undefined || vocabulary === undefined) throw new UsageError('Name a checkpoint and a tokenizer.')
  const threads = wholeNumber('threads', values.threads, 1)
  const tokens = wholeNumber('tokens', values.tokens, 8)
  const pairs = wholeNumber('pairs', values.pairs, 1)
  const tokenizer = tokenizerFromJson(readFileSync(vocabulary), vocabulary)
  const writer = await GivenReplies.load(file, threads)
  const figures: Figures[] = []
  for (const { name, prompt, reply } of tasks()) {
    const ids = tokenizer.encode(reply).subarray(0, tokens)
    figures.push(await measure(writer, { name, prompt: tokenizer.encode(prompt), reply: ids }, pairs))
  }
  writer.dispose()
  const report: Report = { file: basename(file), threads, machine: describeMachine(), figures }
  if (values.json) console.log(JSON.stringify(report, undefined, 2))
  else print(report)
})

/** Both ways by turns, and who goes first changes, so that a busy neighbour slows both sides of a pair. */
async function measure(writer: GivenReplies, { name, prompt, reply }: Task, pairs: number): Promise<Figures> {
  const write = writer.ready(prompt, reply)
  await write(false)
  const plain: Written[] = []
  const guessing: Written[] = []
  for (let pair = 0; pair < pairs; pair++) {
    for (const speculates of pair % 2 === 0 ? [false, true] : [true, false]) {
      const list = speculates ? guessing : plain
      list.push(await write(speculates))
    }
  }
  const sum = (key: 'steps' | 'guessed') => guessing.reduce((total, written) => total + written[key], 0) / pairs
  const drawn = reply.length - 1
  return {
    name,
    promptTokens: prompt.length,
    replyTokens: reply.length,
    guessed: sum('guessed'),
    right: drawn - sum('steps'),
    plainTokensPerSecond: quartiles(plain.map(({ tokensPerSecond }) => tokensPerSecond)),
    tokensPerSecond: quartiles(guessing.map(({ tokensPerSecond }) => tokensPerSecond)),
    ratio: quartiles(guessing.map(({ tokensPerSecond }, i) => tokensPerSecond / (plain[i]?.tokensPerSecond ?? 0))),
  }
}

function print({ file, threads, machine, figures }: Report): void {
  console.log(`${file}, threads: ${threads}; ${machine.cpu}, ${machine.runtime}\n`)
  for (const { name, replyTokens, guessed, right, plainTokensPerSecond, tokensPerSecond, ratio } of figures) {
    console.log(
      `${name.padEnd(22)} ${replyTokens} tokens, ${guessed.toFixed(0)} guessed, ${right.toFixed(0)} right; ` +
        `${plainTokensPerSecond.median.toFixed(1)} -> ${tokensPerSecond.median.toFixed(1)} tokens/s, ` +
        `ratio ${ratio.median.toFixed(2)} (${ratio.lower.toFixed(2)} to ${ratio.upper.toFixed(2)})`,
    )
  }
}
