import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReasoningSplitter } from './reasoning.ts'
import { ThinkingBudget, thoughtLimit } from './thinking-budget.ts'

const tags = { open: '<think>', close: '</think>' }
const style = { tags, afterClose: '\n\n', switchable: true }

/** Two vocabularies: the tags as tokens of their own (Qwen3), or spelled (R1 distillations of some families). */
const SINGLE = ['<think>', '</think>', '\n\n', '\n', 'hm', ' so', '<', '</', '/', 'think', '>', 'A']
const SPELLED = ['<', 'think', '>', '</', '/', '>\n\n', '\n', '\n\n', 'hm', ' so', 'A']

function encoder(vocabulary: readonly string[]): (text: string) => number[] {
  const longestFirst = [...vocabulary].sort((a, b) => b.length - a.length)
  return (text) => {
    const ids: number[] = []
    for (let at = 0; at < text.length; ) {
      const token = longestFirst.find((candidate) => text.startsWith(candidate, at))
      if (token === undefined) throw new Error(`no token for ${JSON.stringify(text.slice(at))}`)
      ids.push(vocabulary.indexOf(token))
      at += token.length
    }
    return ids
  }
}

interface Reply {
  text: string
  reasoning: string
  answer: string
  thoughtTokens: number
  forcedTokens: number
}

/** Lets a "model" say these tokens, and the answer "A" once its thought is over. */
function generate(vocabulary: readonly string[], says: readonly string[], limit: number, inside: boolean): Reply {
  const splitter = new ReasoningSplitter(tags, inside)
  const budget = new ThinkingBudget(limit, style, splitter, encoder(vocabulary))
  const reply: Reply = { text: '', reasoning: '', answer: '', thoughtTokens: 0, forcedTokens: 0 }
  const take = (piece: string, forced: boolean) => {
    reply.text += piece
    for (const { type, text } of splitter.push(piece)) reply[type === 'text-delta' ? 'answer' : 'reasoning'] += text
    budget.accept(piece, forced)
  }
  for (const token of says) {
    const forced = budget.next()
    for (const id of forced) take(vocabulary[id], true)
    if (forced.length > 0) break
    take(token, false)
  }
  for (const id of budget.next()) take(vocabulary[id], true)
  take('A', false)
  for (const { type, text } of splitter.flush()) reply[type === 'text-delta' ? 'answer' : 'reasoning'] += text
  return { ...reply, thoughtTokens: budget.thoughtTokens, forcedTokens: budget.forcedTokens }
}

describe('ThinkingBudget', () => {
  it('closes the thought after the last token allowed', () => {
    expect(generate(SINGLE, ['<think>', '\n', 'hm', ' so', ' so', ' so'], 3, false)).toEqual({
      text: '<think>\nhm so\n</think>\n\nA',
      reasoning: 'hm so',
      answer: 'A',
      thoughtTokens: 3,
      forcedTokens: 3,
    })
  })

  it('does not repeat a line end the thought already has', () => {
    const { text, forcedTokens } = generate(SINGLE, ['<think>', 'hm', '\n', 'hm'], 2, false)
    expect([text, forcedTokens]).toEqual(['<think>hm\n</think>\n\nA', 2])
  })

  it('goes on with a closing tag the model has begun to spell', () => {
    const reply = generate(SPELLED, ['hm', '</', 'hm'], 2, true)
    expect(reply).toMatchObject({ text: 'hm</think>\n\nA', reasoning: 'hm', answer: 'A', thoughtTokens: 1 })
  })

  it('leaves alone a thought the model closes in time, and a reply without one', () => {
    const spelled = generate(SPELLED, ['<', 'think', '>', '\n', 'hm', '\n', '</', 'think', '>\n\n'], 9, false)
    expect(spelled).toMatchObject({ reasoning: 'hm', answer: 'A', thoughtTokens: 3, forcedTokens: 0 })
    const single = generate(SINGLE, ['hm', '<think>', 'hm', 'hm', 'hm'], 1, false)
    expect(single).toMatchObject({ answer: 'hm<think>hmhmhmA', thoughtTokens: 0, forcedTokens: 0 })
  })

  it('closes at once with a budget of 0', () => {
    expect(generate(SINGLE, ['hm'], 0, true)).toMatchObject({ text: '\n</think>\n\nA', thoughtTokens: 0, answer: 'A' })
    expect(generate(SINGLE, ['<think>', 'hm'], 0, false)).toMatchObject({ thoughtTokens: 0, answer: 'A' })
  })

  it.each([
    ['tags as tokens', SINGLE],
    ['spelled tags', SPELLED],
  ])('never lets a thought exceed the limit, and always gets an answer: %s', (_, vocabulary) => {
    const thoughts = fc.array(fc.constantFrom(...vocabulary.filter((token) => token !== 'A')), { maxLength: 30 })
    fc.assert(
      fc.property(thoughts, fc.nat(12), (says, limit) => {
        const reply = generate(vocabulary, [...says, ...new Array<string>(limit + 1).fill('hm')], limit, true)
        expect(reply.thoughtTokens).toBeGreaterThanOrEqual(0)
        expect(reply.thoughtTokens).toBeLessThanOrEqual(limit)
        expect(reply.text).toContain('</think>')
        expect(reply.answer.endsWith('A')).toBe(true)
        expect(reply.reasoning).not.toContain('</think>')
      }),
      { numRuns: 2000 },
    )
  })
})

describe('thoughtLimit', () => {
  it('keeps room for the closing tag and an answer', () => {
    expect(thoughtLimit(Number.POSITIVE_INFINITY, 100, 4)).toBe(71)
    expect(thoughtLimit(50, 100, 4)).toBe(50)
    expect(thoughtLimit(Number.POSITIVE_INFINITY, 32_768, 4)).toBe(31_740)
    expect(thoughtLimit(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 4)).toBe(Number.POSITIVE_INFINITY)
    expect(thoughtLimit(50, 5, 4)).toBe(0)
  })
})
