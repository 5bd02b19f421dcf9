import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { LajuError } from '../../errors.ts'
import { Engine } from '../../worker/engine.ts'

export interface Outcome {
  /** `runs`, the code of the first error that was thrown on purpose, or `crash`. */
  readonly outcome: string
  /** Of a crash: what was thrown. */
  readonly stack?: string
}

const TEXT = 'What is 12 + 7?\n\n  über \u0000 e\u0301 🦙 <|im_start|><s> aaaaaaaaaaaaaaaaaaaaaaaaaaaaa'

/** Loads a model as far as a loader goes: header, graph, weights, tokenizer, template; then runs a few tokens. */
export async function loadAll(path: string): Promise<Outcome> {
  let engine: Engine | undefined
  const loading = await attempt(async () => {
    engine = await Engine.load(path, {})
  })
  if (!engine) return loading
  const adapter = join(dirname(path), 'adapter')
  const outcomes = [loading]
  if (existsSync(adapter)) outcomes.push(await attempt(() => attach(engine, adapter)))
  for (const part of [forward, tokenize, reply]) outcomes.push(await attempt(part, engine))
  engine.dispose()
  return (
    outcomes.find(({ outcome }) => outcome === 'crash') ?? outcomes.find(({ outcome }) => outcome !== 'runs') ?? loading
  )
}

async function attempt<Given>(work: (...given: Given[]) => Promise<void>, ...given: Given[]): Promise<Outcome> {
  try {
    await work(...given)
    return { outcome: 'runs' }
  } catch (error) {
    if (error instanceof LajuError) return { outcome: error.code }
    return { outcome: 'crash', stack: error instanceof Error ? error.stack : String(error) }
  }
}

async function attach(engine: Engine | undefined, path: string): Promise<void> {
  await engine?.adapters.attach({ path, adapter: 1, scale: 1 })
}

async function forward(engine: Engine): Promise<void> {
  await engine.forward(Int32Array.of(1, 2, 3), () => {})
}

async function tokenize({ tokenizer }: Engine): Promise<void> {
  for (const special of [true, false]) {
    const ids = tokenizer.encode(TEXT, { special, beginning: true })
    const wrong = ids.find((id) => !(id >= 0 && id < tokenizer.size))
    if (wrong !== undefined) throw new Error(`The tokenizer gives the id ${wrong}, and has ${tokenizer.size}.`)
    tokenizer.decode(ids, { special })
  }
}

async function reply(engine: Engine): Promise<void> {
  const messages = [{ role: 'user' as const, content: '12 + 7 = ?' }]
  await engine.reply({ prompt: { messages }, conversation: undefined, options: { maxTokens: 2 } }, () => {})
}
