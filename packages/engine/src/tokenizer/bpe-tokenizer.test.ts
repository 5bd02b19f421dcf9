import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TokenizerError } from '../errors.ts'
import { StringArray } from '../weights/string-array.ts'
import { tokenizerFromGguf } from './from-gguf.ts'
import { type SmallVocabulary, smallMetadata } from './test-vocabularies.ts'

function small(parts?: SmallVocabulary) {
  return tokenizerFromGguf(smallMetadata(parts), 'small.gguf')
}

/** Tokens that a merge makes get the ids from 257 on. */
const HELLO: SmallVocabulary = {
  tokens: ['he', 'll', 'llo', 'hello', 'Ġhello'],
  merges: ['Ġ Ġ', 'h e', 'l l', 'll o', 'he llo', 'Ġ hello'],
}

describe('encode', () => {
  it('merges the pair of the lowest rank first', () => {
    expect(Array.from(small(HELLO).encode('hello hello hell'))).toEqual([260, 261, 0x20, 257, 258])
  })

  it('merges the leftmost of equal pairs first', () => {
    const tokenizer = small({ tokens: ['aa'], merges: ['a a'] })
    expect(Array.from(tokenizer.encode('aaa'))).toEqual([257, 0x61])
  })

  it('makes nothing of nothing', () => {
    expect(small().encode('')).toEqual(new Int32Array(0))
    expect(small().decode([])).toBe('')
  })

  it('gives any text back', () => {
    const tokenizer = small(HELLO)
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
      }),
    )
  })

  it('writes half a surrogate pair as U+FFFD, as TextEncoder does', () => {
    const tokenizer = small()
    for (const text of ['\ud83d', '\ude00', 'a\ud83d b', '\ude00\ud83d', '\ud83d\ud83d\ude00']) {
      expect(Array.from(tokenizer.encode(text))).toEqual(Array.from(new TextEncoder().encode(text)))
    }
  })

  it('keeps a byte order mark', () => {
    expect(small().decode(small().encode('\ufeffa'))).toBe('\ufeffa')
  })

  it('puts the beginning token first where asked to, and only where there is one', () => {
    const added = [['<s>', 3]] as const
    const fields = { 'tokenizer.ggml.bos_token_id': 257, 'tokenizer.ggml.add_bos_token': true }
    expect(Array.from(small({ added, fields }).encode('a', { beginning: true }))).toEqual([257, 0x61])
    expect(Array.from(small({ added, fields }).encode('a'))).toEqual([0x61])
    expect(Array.from(small({ added }).encode('a', { beginning: true }))).toEqual([0x61])
  })

  it('takes a word that is a token whole where merges are ignored, but never as a control token', () => {
    const parts = { tokens: ['abc'], added: [['stop', 3]] as const }
    expect(Array.from(small(parts).encode('abc'))).toEqual([0x61, 0x62, 0x63])
    const ignoring = small({ ...parts, fields: { 'tokenizer.ggml.pre': 'llama-bpe' } })
    expect(Array.from(ignoring.encode('abc'))).toEqual([257])
    expect(Array.from(ignoring.encode('stop', { special: false }))).toEqual([...new TextEncoder().encode('stop')])
  })

  it('names a byte that a vocabulary lacks when a text needs it', () => {
    // Of what is hardly ever in text, some vocabularies have nothing: the byte 03 here.
    const metadata = smallMetadata()
    const tokens = metadata.get('tokenizer.ggml.tokens')
    if (!(tokens instanceof StringArray)) throw new Error('There are no tokens.')
    const names = Array.from({ length: tokens.length }, (_, id) => (id === 3 ? 'gone' : tokens.at(id)))
    const tokenizer = tokenizerFromGguf(metadata.set('tokenizer.ggml.tokens', StringArray.from(names)), 'small.gguf')
    expect(Array.from(tokenizer.encode('ab'))).toEqual([0x61, 0x62])
    expect(() => tokenizer.encode('a\u0003')).toThrow('the byte 03')
  })

  it('is not quadratic in long words', () => {
    const tokenizer = small({
      tokens: ['aa', 'aaaa', 'ab', 'ba'],
      merges: ['a a', 'aa aa', 'a b', 'b a'],
    })
    for (const text of ['a'.repeat(1 << 18), 'ab'.repeat(1 << 17), ' '.repeat(1 << 18), '\n'.repeat(1 << 18)]) {
      const start = performance.now()
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
      // Measured 0.1 to 0.2 s; scanning all pairs for every merge would take half an hour.
      expect(performance.now() - start).toBeLessThan(10_000)
    }
  })
})

describe('a word of tens of millions of characters', () => {
  it('is a typed error, whether the pattern or the queue of merges cannot hold it', () => {
    expect(() => small().encode('我'.repeat(23_000_000))).toThrow(TokenizerError)
  })
})

describe('added tokens', () => {
  const tokenizer = small({
    added: [
      ['<|end|>', 3],
      ['<think>', 4],
    ],
  })

  it('are found in text', () => {
    expect(Array.from(tokenizer.encode('a<think><|end|>'))).toEqual([0x61, 258, 257])
  })

  it('stay text where special tokens must not be found, if they are special', () => {
    const end = Array.from(new TextEncoder().encode('<|end|>'))
    expect(Array.from(tokenizer.encode('a<think><|end|>', { special: false }))).toEqual([0x61, 258, ...end])
  })

  it('are left out by decode if they are special', () => {
    expect(tokenizer.decode([0x61, 257, 258], { special: false })).toBe('a<think>')
    expect(tokenizer.decode([0x61, 257, 258])).toBe('a<|end|><think>')
    expect(tokenizer.isSpecial(257)).toBe(true)
    expect(tokenizer.isSpecial(258)).toBe(false)
  })

  it('are written in the file as they are, not in the byte alphabet', () => {
    const odd = small({ added: [['é Ġ', 4]] })
    expect(Array.from(odd.encode('é Ġ'))).toEqual([257])
    expect(odd.decode([257])).toBe('é Ġ')
    expect(Array.from(small({ added: [['é', 4]] }).encode('é'))).toEqual([257])
    expect(Array.from(small({ added: [['é', 3]] }).encode('é', { special: false }))).toEqual([0xc3, 0xa9])
  })
})

describe('bytes and idOf', () => {
  const tokenizer = small({ ...HELLO, added: [['<|end|>', 3]] })

  it('give the bytes of ordinary and added tokens, and none of unknown ids', () => {
    expect(tokenizer.bytes(0xe9)).toEqual(Uint8Array.of(0xe9))
    expect(new TextDecoder().decode(tokenizer.bytes(261))).toBe(' hello')
    expect(new TextDecoder().decode(tokenizer.bytes(262))).toBe('<|end|>')
    for (const id of [263, -1, 2 ** 31, 1.5, Number.NaN]) expect(tokenizer.bytes(id)).toEqual(new Uint8Array(0))
    expect(tokenizer.decode([263, -1, 261])).toBe(' hello')
  })

  it('cannot be used to change the tokenizer', () => {
    tokenizer.bytes(261).fill(0)
    expect(tokenizer.decode([261])).toBe(' hello')
  })

  it('find ids by text', () => {
    expect(tokenizer.idOf(' hello')).toBe(261)
    expect(tokenizer.idOf('<|end|>')).toBe(262)
    expect(tokenizer.idOf('Ġhello')).toBeUndefined()
    expect(tokenizer.idOf('')).toBeUndefined()
  })
})
