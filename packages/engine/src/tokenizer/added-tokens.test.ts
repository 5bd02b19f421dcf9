import { describe, expect, it } from 'vitest'
import { type AddedToken, AddedTokens } from './added-tokens.ts'

function split(text: string, tokens: readonly Partial<AddedToken>[], special = true): (string | number)[] {
  const pieces: (string | number)[] = []
  const added = new AddedTokens(tokens.map((token, id) => ({ id, text: '', special: false, ...token })))
  const push = (piece: string | number) => {
    pieces.push(piece)
  }
  added.split(text, special, push, push)
  return pieces
}

describe('AddedTokens', () => {
  it('finds the longest token at the leftmost place', () => {
    const tokens = ['<a', '<a>', 'a><b', '<a><'].map((text) => ({ text }))
    expect(split('x<a><b>y', tokens)).toEqual(['x', 3, 'b>y'])
    expect(split('<a<a>', tokens)).toEqual([0, 1])
  })

  it('takes its texts as they are', () => {
    expect(split('a.*b[x]|^$\\(', [{ text: '.*' }, { text: '[x]' }, { text: '|^$\\(' }])).toEqual(['a', 0, 'b', 1, 2])
    expect(split('a', [{ text: '' }])).toEqual(['a'])
    expect(split('', [{ text: 'a' }])).toEqual([])
  })

  it('leaves special tokens in the text where they must not be found', () => {
    const tokens = [{ text: '<s>', special: true }, { text: '<t>' }, { text: 's' }]
    expect(split('<s>a<t>', tokens)).toEqual([0, 'a', 1])
    expect(split('<s>a<t>', tokens, false)).toEqual(['<s>a', 1])
  })

  it('strips white space on the side that the token says', () => {
    expect(split('a \u3000<s> \n<s>b', [{ text: '<s>', leftStrip: true }])).toEqual(['a', 0, 0, 'b'])
    expect(split('a <s> \n<s>\u0085b', [{ text: '<s>', rightStrip: true }])).toEqual(['a ', 0, 0, 'b'])
    expect(split(' <s>', [{ text: '<s>', leftStrip: true }])).toEqual([0])
    expect(
      split('<r>  <s>', [
        { text: '<s>', leftStrip: true },
        { text: '<r>', rightStrip: true },
      ]),
    ).toEqual([1, 0])
  })

  it('finds a token that must be a word only where it is one', () => {
    const tokens = [{ text: 'cat', singleWord: true }]
    expect(split('cat cats, ècat. cat!', tokens)).toEqual([0, ' cats, ècat. ', 0, '!'])
    expect(split('_cat cat_ 𝔘cat cat𝔘 1cat', tokens)).toEqual(['_cat cat_ 𝔘cat cat𝔘 1cat'])
    expect(split('👍cat👍', tokens)).toEqual(['👍', 0, '👍'])
  })
})
