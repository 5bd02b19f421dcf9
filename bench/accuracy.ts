import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { load, type Model } from '@laju/engine'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import { describeMachine } from './machine.ts'

const USAGE = `Scores the bundled model on the fresh problems of packages/nano/fixtures/problems.json, greedily.

  node --conditions=laju-source bench/accuracy.ts [--each N] [--json]

  --each N   problems of each kind and language (default 500)
  --json     print the report as JSON`

interface Problem {
  readonly kind: string
  readonly language: string
  readonly question: string
  readonly expected: string
}

interface Score {
  readonly kind: string
  readonly language: string
  readonly thinking: boolean
  readonly right: number
  readonly asked: number
}

/** Replies that are written side by side, as many as fit into the context: one step of the model serves all of them. */
const AT_ONCE = 5
const LONGEST_REPLY = 160

const nano = fileURLToPath(new URL('../packages/nano/', import.meta.url))

await runCommand(USAGE, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { each: { type: 'string', default: '500' }, json: { type: 'boolean', default: false } },
  })
  if (positionals.length > 0) throw new UsageError('Nothing but options is expected.')
  const groups = readProblems(wholeNumber('each', values.each, 1))
  await using model = await load(`${nano}nano-q8_0.gguf`)
  const scores: Score[] = []
  for (const thinking of [true, false]) {
    for (const problems of groups) scores.push(await score(model, problems, thinking))
  }
  if (values.json) console.log(JSON.stringify({ machine: describeMachine(), scores }, undefined, 2))
  else print(scores)
})

/** The problems of each kind and language, in the file's order. */
function readProblems(each: number): Problem[][] {
  const { problems } = JSON.parse(readFileSync(`${nano}fixtures/problems.json`, 'utf8')) as { problems: string[][] }
  const groups = new Map<string, Problem[]>()
  for (const [kind, language, question, expected] of problems) {
    const group = groups.get(`${kind} ${language}`) ?? []
    if (group.length < each) group.push({ kind, language, question, expected })
    groups.set(`${kind} ${language}`, group)
  }
  return [...groups.values()]
}

async function score(model: Model, problems: readonly Problem[], thinking: boolean): Promise<Score> {
  const queue = [...problems]
  let right = 0
  const work = async () => {
    for (let problem = queue.pop(); problem; problem = queue.pop()) {
      const { text } = await model.ask(problem.question, { thinking, temperature: 0, maxTokens: LONGEST_REPLY })
      if (isRight(text, problem.expected)) right++
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const [{ kind, language }] = problems
  return { kind, language, thinking, right, asked: problems.length }
}

/** The rule of packages/nano/fixtures/README.md. */
function isRight(reply: string, expected: string): boolean {
  const text = reply.trim().replace(/\.$/, '')
  return text.endsWith(expected) && !/(\d|-|remainder |sisa )$/.test(text.slice(0, text.length - expected.length))
}

function print(scores: readonly Score[]): void {
  for (const thinking of [true, false]) {
    const half = scores.filter((score) => score.thinking === thinking)
    console.log(`\nthinking ${thinking ? 'on' : 'off'}`)
    for (const { kind, language, right, asked } of half) {
      console.log(`  ${kind.padEnd(6)} ${language}  ${percent(right, asked)}  ${right} of ${asked}`)
    }
    const sum = (of: (score: Score) => number) => half.reduce((total, score) => total + of(score), 0)
    const [right, asked] = [sum((score) => score.right), sum((score) => score.asked)]
    console.log(`  overall    ${percent(right, asked)}  ${right} of ${asked}`)
  }
}

function percent(right: number, asked: number): string {
  return `${((100 * right) / asked).toFixed(1).padStart(5)} %`
}
