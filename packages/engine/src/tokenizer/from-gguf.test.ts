import { describe, expect, it } from 'vitest'
import { TokenizerError } from '../errors.ts'
import type { MetadataValue } from '../weights/checkpoint.ts'
import { StringArray } from '../weights/string-array.ts'
import { tokenizerFromGguf } from './from-gguf.ts'
import { smallMetadata, spaceMetadata } from './test-vocabularies.ts'

function withField(key: string, value: MetadataValue | undefined) {
  const metadata = smallMetadata({ tokens: ['aa'], added: [['<|end|>', 3]] })
  if (value === undefined) metadata.delete(`tokenizer.ggml.${key}`)
  else metadata.set(`tokenizer.ggml.${key}`, value)
  return metadata
}

function failure(key: string, value: MetadataValue | undefined): TokenizerError {
  try {
    tokenizerFromGguf(withField(key, value), 'small.gguf')
  } catch (error) {
    if (error instanceof TokenizerError) return error
    throw error
  }
  throw new Error(`${key} = ${String(value)} was accepted.`)
}

describe('a GGUF tokenizer that is broken', () => {
  it.each<[string, MetadataValue | undefined]>([
    ['tokens', undefined],
    ['tokens', StringArray.from([])],
    ['tokens', 'a'],
    ['tokens', Int32Array.of(1)],
    ['merges', undefined],
    ['merges', StringArray.from([])],
    ['token_type', Int32Array.of(1, 1)],
    ['token_type', new Float32Array(259)],
    ['bos_token_id', 259],
    ['eos_token_id', -1],
    ['eos_token_id', 2 ** 31],
    ['eos_token_id', 1.5],
    ['eos_token_id', 2n ** 63n],
    ['padding_token_id', 'a'],
    ['pre', undefined],
    ['pre', 7],
  ])('names tokenizer.ggml.%s = %s', (key, value) => {
    const error = failure(key, value)
    expect(error.code).toBe('invalid-tokenizer')
    expect(error.field).toBe(`tokenizer.ggml.${key}`)
    expect(error.message).toContain('small.gguf')
    expect(error.message).toContain(`tokenizer.ggml.${key}`)
  })

  it.each(['a bb', 'zz a', 'a b', 'ab', 'a', '', ' a', 'a ', 'a a a', 'a  a', '€ a'])(
    'names the merge "%s"',
    (merge) => {
      const error = failure('merges', StringArray.from(['a a', merge]))
      expect(error.code).toBe('invalid-tokenizer')
      expect(error.message).toContain('Merge 1 of small.gguf')
    },
  )

  it('names a byte without a token', () => {
    const tokens = Array.from({ length: 200 }, (_, i) => String.fromCharCode(0x100 + i))
    const metadata = withField('tokens', StringArray.from(tokens)).set(
      'tokenizer.ggml.merges',
      StringArray.from(['Ġ Ġ']),
    )
    metadata.delete('tokenizer.ggml.token_type')
    expect(() => tokenizerFromGguf(metadata, 'small.gguf')).toThrow(TokenizerError)
  })
})

describe('a GGUF tokenizer of SentencePiece that is broken', () => {
  it.each<[string, MetadataValue | undefined]>([
    ['scores', undefined],
    ['scores', new Float32Array(3)],
    ['scores', new Float32Array(261).fill(Number.NaN)],
    ['scores', new Int32Array(261)],
    ['tokens', undefined],
    ['token_type', Int32Array.of(1)],
    ['unknown_token_id', 261],
  ])('names tokenizer.ggml.%s', (key, value) => {
    const metadata = spaceMetadata(['▁', 'a'])
    if (value === undefined) metadata.delete(`tokenizer.ggml.${key}`)
    else metadata.set(`tokenizer.ggml.${key}`, value)
    expect(() => tokenizerFromGguf(metadata, 'small.gguf')).toThrow(`tokenizer.ggml.${key}`)
  })

  it('needs tokens for bytes or one for unknown characters', () => {
    const metadata = spaceMetadata(['▁', 'a'])
    metadata.delete('tokenizer.ggml.unknown_token_id')
    metadata.set('tokenizer.ggml.token_type', new Int32Array(261).fill(1))
    expect(() => tokenizerFromGguf(metadata, 'small.gguf')).toThrow(TokenizerError)
  })
})

describe('the tokenizer of Gemma 4', () => {
  it('has a list of merges over characters, no space in front, and newlines apart', () => {
    const tokens = ['▁', 'a', '\n', '▁a', '\n\n', 'a\n']
    const metadata = spaceMetadata(tokens, {
      'tokenizer.ggml.model': 'gemma4',
      'tokenizer.ggml.merges': StringArray.from(['▁ a', 'a \n', '\n \n']),
    })
    const tokenizer = tokenizerFromGguf(metadata, 'small.gguf')
    expect(Array.from(tokenizer.encode('a a\n\na'))).toEqual([260, 262, 263, 260])
    expect(Array.from(tokenizer.encode('aé'))).toEqual([260, 3 + 0xc3, 3 + 0xa9])
    expect(tokenizer.decode(tokenizer.encode(' a'))).toBe(' a')
    expect(tokenizer.beginning).toBe(1)
  })
})

describe('a GGUF tokenizer of another kind', () => {
  it('is refused by its name', () => {
    const error = failure('model', 'bert')
    expect(error.code).toBe('unsupported-tokenizer')
    expect(error.message).toContain('"bert"')
    expect(failure('model', undefined).code).toBe('unsupported-tokenizer')
  })

  it('is refused by the name of its pre-tokenizer, with those that are known', () => {
    const error = failure('pre', 'klingon')
    expect(error.code).toBe('unsupported-tokenizer')
    expect(error.message).toContain('"klingon"')
    expect(error.remedy).toContain('qwen2')
  })
})

describe('what a GGUF tokenizer says beside its tokens', () => {
  it('takes 2^32 - 1 for no token', () => {
    const metadata = withField('bos_token_id', 2 ** 32 - 1).set('tokenizer.ggml.add_bos_token', true)
    expect(tokenizerFromGguf(metadata, 'small.gguf').beginning).toBeUndefined()
  })

  it('has no type where the file has none', () => {
    const metadata = withField('token_type', undefined)
    expect(tokenizerFromGguf(metadata, 'small.gguf').isSpecial(258)).toBe(false)
  })

  it('begins texts as the file says, else as the pre-tokenizer does', () => {
    const beginning = (pre: string, adds?: boolean) => {
      const metadata = withField('pre', pre).set('tokenizer.ggml.bos_token_id', 258)
      if (adds !== undefined) metadata.set('tokenizer.ggml.add_bos_token', adds)
      return tokenizerFromGguf(metadata, 'small.gguf').beginning
    }
    expect(beginning('llama-bpe')).toBe(258)
    expect(beginning('llama-bpe', false)).toBeUndefined()
    expect(beginning('qwen2')).toBeUndefined()
    expect(beginning('qwen2', true)).toBe(258)
  })

  it('ends replies with the tokens that the file names and with control tokens of well-known texts', () => {
    const added = ['<|im_end|>', '<|eot_id|>', '<|endoftext|>', '<|end|>', '<|return|>'].map(
      (text) => [text, 3] as const,
    )
    const user = [['<|eom_id|>', 4]] as const
    const fields = {
      'tokenizer.ggml.eos_token_id': 5,
      'tokenizer.ggml.eot_token_id': 6,
      'tokenizer.ggml.eom_token_id': 7,
    }
    const tokenizer = tokenizerFromGguf(smallMetadata({ added: [...added, ...user], fields }), 'small.gguf')
    // 260, <|end|>, ends a message within a reply where there is <|return|>.
    expect([...tokenizer.ends].sort((a, b) => a - b)).toEqual([5, 6, 7, 257, 258, 259, 261])
  })

  it('names special tokens for templates', () => {
    const fields = { 'tokenizer.ggml.bos_token_id': 257, 'tokenizer.ggml.padding_token_id': 257 }
    const tokenizer = tokenizerFromGguf(smallMetadata({ added: [['<s>', 3]], fields }), 'small.gguf')
    expect([...tokenizer.specialTokens]).toEqual([
      ['bos_token', '<s>'],
      ['pad_token', '<s>'],
    ])
  })

  it('finds the last of two tokens with the same text', () => {
    const tokenizer = tokenizerFromGguf(smallMetadata({ tokens: ['aa', 'aa'], merges: ['a a'] }), 'small.gguf')
    expect(Array.from(tokenizer.encode('aa'))).toEqual([258])
  })
})
