import { describe, expect, it } from 'vitest'
import { TokenizerError } from '../errors.ts'
import { compilePattern } from './pattern.ts'

function matches(pattern: string, text: string): string[] {
  return text.match(compilePattern(pattern, 'tokenizer.json')) ?? []
}

describe('compilePattern', () => {
  it('takes \\s for White_Space, as Rust and Oniguruma do', () => {
    expect(matches(String.raw`\s`, 'a\u0085\ufeff\u3000\u200b')).toEqual(['\u0085', '\u3000'])
    expect(matches(String.raw`[^\s]`, '\u0085\ufeff')).toEqual(['\ufeff'])
    expect(matches(String.raw`\s+(?!\S)`, ' \u0085\ufeff')).toEqual([' '])
  })

  it('spells out case-insensitive groups, with the letters that Unicode folds', () => {
    expect(matches("(?i:'s|'re)", "'S'rE'ſ'x")).toEqual(["'S", "'rE", "'ſ"])
    expect(matches("'(?i:[sk]|ll)x", "'Sx'Llx'Kx'lLX")).toEqual(["'Sx", "'Llx", "'Kx"])
    expect(matches('(?i:a(?:b))c', 'ABc ABC')).toEqual(['ABc'])
  })

  it('knows classes, properties, quantifiers, groups and escapes', () => {
    expect(matches(String.raw`\p{N}{1,3}`, '1234½')).toEqual(['123', '4½'])
    expect(matches(String.raw`\d`, '1٣½')).toEqual(['1', '٣'])
    expect(matches(String.raw`[!\-\]\[\\'"\/]+`, `a-]['"\\/!`)).toEqual([`-]['"\\/!`])
    expect(matches(String.raw`\'\!\-\.(a)`, "'!-.a")).toEqual(["'!-.a"])
    expect(matches('[一-龥]+', '我a')).toEqual(['我'])
  })

  it('takes $ for the end of a line', () => {
    expect(matches(String.raw`\s+$`, 'a  b \t')).toEqual([' \t'])
    expect(matches('a$', 'a\nab\ra\r\na')).toEqual(['a', 'a'])
  })

  it.each([
    ...[String.raw`\p{L}?+a`, 'a++', '^a', '.', '[a&&b]', '[a[b]]', String.raw`\w`, String.raw`\bx`, String.raw`\x41`],
    ...['(?i)a', '(?x:a)', '(?>a)', '(?<n>a)', '(?i:[a-c])', '(', '[', String.raw`\p{Klingon}`, '\\', 'a**', 'a{2,1}'],
  ])('refuses %s, naming it', (pattern) => {
    expect(() => compilePattern(pattern, 'tokenizer.json')).toThrow(TokenizerError)
    expect(() => compilePattern(pattern, 'tokenizer.json')).toThrow(pattern)
  })
})
