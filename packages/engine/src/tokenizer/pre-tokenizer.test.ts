import { describe, expect, it } from 'vitest'
import { type Behavior, PreTokenizer, type Rewrite, type Split } from './pre-tokenizer.ts'

function words(text: string, steps: readonly (Split | Rewrite)[], first = true): string[] {
  const result: string[] = []
  new PreTokenizer(steps).forEachWord(text, first, (whole, start, end) => result.push(whole.slice(start, end)))
  return result
}

const split = (pattern: RegExp, behavior: Behavior, inverted = false): Split => ({ pattern, behavior, inverted })

describe('PreTokenizer', () => {
  // The example in the documentation of Hugging Face's tokenizers.
  it.each<[Behavior, string[]]>([
    ['Isolated', ['the', '-', 'final', '-', '-', 'countdown']],
    ['Removed', ['the', 'final', 'countdown']],
    ['MergedWithPrevious', ['the-', 'final-', '-', 'countdown']],
    ['MergedWithNext', ['the', '-final', '-', '-countdown']],
    ['Contiguous', ['the', '-', 'final', '--', 'countdown']],
  ])('%s', (behavior, expected) => {
    expect(words('the-final--countdown', [split(/-/gu, behavior)])).toEqual(expected)
  })

  it('begins and ends with matches', () => {
    expect(words('--a-', [split(/-/gu, 'MergedWithPrevious')])).toEqual(['-', '-', 'a-'])
    expect(words('--a-', [split(/-/gu, 'MergedWithNext')])).toEqual(['-', '-a', '-'])
    expect(words('--a-', [split(/-/gu, 'Contiguous')])).toEqual(['--', 'a', '-'])
  })

  it('takes gaps for matches where inverted', () => {
    expect(words('a1b2', [split(/\d/gu, 'Removed', true)])).toEqual(['1', '2'])
    expect(words('a1b2', [split(/[a-z]/gu, 'MergedWithNext', true)])).toEqual(['a', '1b', '2'])
  })

  it('splits the words of one step in the next, and knows which is the beginning', () => {
    const marks: Rewrite = { rewrite: (word, first) => (first ? `^${word}` : word) }
    const steps = [split(/ /gu, 'MergedWithNext'), marks, split(/\d/gu, 'Isolated')]
    expect(words('a1 b2', steps)).toEqual(['^a', '1', ' b', '2'])
    expect(words('a1 b2', steps, false)).toEqual(['a', '1', ' b', '2'])
    expect(words('', steps)).toEqual([])
  })

  it('goes on behind matches of nothing', () => {
    expect(words('a😀b', [split(/(?=b)/gu, 'Isolated')])).toEqual(['a😀', 'b'])
  })
})
