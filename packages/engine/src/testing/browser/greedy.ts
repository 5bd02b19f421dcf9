import type { Model } from '../../client/model.ts'

/** What a model writes, greedily. */
export interface Written {
  readonly ids: readonly number[]
  /** Of each token, how much more likely it was than the next: the difference of the two logits. */
  readonly gaps: readonly number[]
}

export interface ModelToTry {
  readonly url: string
  /** Asked as questions where the model chats; else texts to go on from. */
  readonly prompts: readonly string[]
  readonly chats: boolean
}

/** The tokens that follow all the prompts, up to 200 for each. */
export async function writeGreedily(model: Model, { prompts, chats }: ModelToTry): Promise<Written> {
  const options = { temperature: 0, maxTokens: 200, logprobs: 2 } as const
  const all = []
  for (const prompt of prompts) {
    const { logprobs = [] } = await (chats ? model.ask(prompt, options) : model.complete(prompt, options).reply)
    all.push(...logprobs)
  }
  return { ids: all.map(({ id }) => id), gaps: all.map(({ top: [best, next] }) => best.logprob - next.logprob) }
}

/** Logits so close may be ordered otherwise by another order of additions. */
const NO_GAP = 1e-3

/** Where two differ although they should not, in words; undefined where they are the same. */
export function differenceOf(expected: Written, actual: Written): string | undefined {
  const length = Math.max(expected.ids.length, actual.ids.length)
  for (let i = 0; i < length; i++) {
    if (expected.ids[i] === actual.ids[i]) continue
    // What follows is the rest of another text.
    if (expected.gaps[i] <= NO_GAP) return undefined
    return `token ${i} is ${actual.ids[i]}, and not ${expected.ids[i]}, which was ahead by ${expected.gaps[i]}`
  }
  return undefined
}
