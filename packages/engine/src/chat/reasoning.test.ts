import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReasoningSplitter, type ReplyDelta } from './reasoning.ts'

const THINK = { open: '<think>', close: '</think>' }

function split(pieces: readonly string[], options: { tags?: typeof THINK; inside?: boolean } = {}): ReplyDelta[] {
  const splitter = new ReasoningSplitter('tags' in options ? options.tags : THINK, options.inside)
  return [...pieces.flatMap((piece) => splitter.push(piece)), ...splitter.flush()]
}

/** Neighbours of one type joined. */
function joined(deltas: readonly ReplyDelta[]): string[] {
  const parts: string[] = []
  let last: ReplyDelta['type'] | undefined
  for (const { type, text } of deltas) {
    if (type === last) parts[parts.length - 1] += text
    else parts.push(`${type === 'reasoning-delta' ? 'R' : 'T'}:${text}`)
    last = type
  }
  return parts
}

describe('ReasoningSplitter', () => {
  it.each([
    ['<think>\nhm\n</think>\n\n42', ['R:hm', 'T:42']],
    ['\n<think>a < b\n\nso</think>yes\n', ['R:a < b\n\nso', 'T:yes\n']],
    ['<think>\n\n</think>\n\nanswer', ['T:answer']],
    ['just text', ['T:just text']],
    [' \nindented', ['T: \nindented']],
    ['Use <think> for thoughts</think>.', ['T:Use <think> for thoughts</think>.']],
    ['<thinking is fun', ['T:<thinking is fun']],
    ['<think>one</think>two<think>three</think>', ['R:one', 'T:two<think>three</think>']],
    ['<think>never done \n', ['R:never done']],
    ['<think>\n<think>twice</think>x', ['R:twice', 'T:x']],
    ['<think>a</thin', ['R:a</thin']],
    ['<think>a</think>', ['R:a']],
    ['', []],
  ])('splits %j', (reply, parts) => {
    expect(joined(split([reply]))).toEqual(parts)
    expect(joined(split([...reply]))).toEqual(parts)
  })

  it('starts inside a thought that the prompt opened', () => {
    expect(joined(split(['so ', '4\n</', 'think>\n', '\n4'], { inside: true }))).toEqual(['R:so 4', 'T:4'])
    expect(joined(split(['<th', 'ink>', '\nso</think>4'], { inside: true }))).toEqual(['R:so', 'T:4'])
    expect(joined(split(['<thx'], { inside: true }))).toEqual(['R:<thx'])
  })

  it('leaves everything in the text where no thought is looked for', () => {
    expect(split(['<think>a', '</think>b'], { tags: undefined })).toEqual([
      { type: 'text-delta', text: '<think>a' },
      { type: 'text-delta', text: '</think>b' },
    ])
  })

  it('shows at once what cannot be part of a tag', () => {
    const splitter = new ReasoningSplitter(THINK)
    expect(splitter.push('<think>')).toEqual([])
    expect(splitter.insideThought).toBe(true)
    expect(splitter.push('a b ')).toEqual([{ type: 'reasoning-delta', text: 'a b' }])
    expect(splitter.pending).toBe(' ')
    expect(splitter.push('c<')).toEqual([{ type: 'reasoning-delta', text: ' c' }])
    expect(splitter.pending).toBe('<')
    expect(splitter.push('/think>')).toEqual([])
    expect(splitter.insideThought).toBe(false)
    expect(splitter.push('\n\nd ')).toEqual([{ type: 'text-delta', text: 'd ' }])
  })

  it('gives the same parts for any cut, and never part of a tag that was completed', () => {
    const word = fc.constantFrom('<think>', '</think>', '<', '</', 'think', '>', '\n', ' ', 'a', '世', '😀')
    const replies = fc.array(word, { maxLength: 14 }).map((words) => words.join(''))
    const cuts = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(replies, cuts, fc.boolean(), (reply, sizes, inside) => {
        const pieces: string[] = []
        const characters = [...reply]
        for (let at = 0, i = 0; at < characters.length; at += sizes[i++ % sizes.length]) {
          pieces.push(characters.slice(at, at + sizes[i % sizes.length]).join(''))
        }
        const parts = joined(split(pieces, { inside }))
        expect(parts).toEqual(joined(split([reply], { inside })))
        expect(parts.length).toBeLessThanOrEqual(2)
        if (parts.length === 2) expect(parts[0].startsWith('R:') && !parts[0].includes('</think>')).toBe(true)
      }),
      { numRuns: 3000 },
    )
  })
})
