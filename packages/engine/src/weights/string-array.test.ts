import { expect, it } from 'vitest'
import { StringArray } from './string-array.ts'

it('decodes strings on demand', () => {
  const strings = ['', 'plain', 'Ġfast', '速い', '\ufeffmark', '🙂']
  const array = StringArray.from(strings)
  expect(array.length).toBe(6)
  expect([...array]).toEqual(strings)
  expect(array.at(3)).toBe('速い')
  expect([...array.bytes(1)]).toEqual([...new TextEncoder().encode('plain')])
})

it('gives the bytes of what is not UTF-8', () => {
  const array = new StringArray(Uint8Array.of(0x41, 0xff, 0x42), Uint32Array.of(1), Uint32Array.of(2))
  expect(array.at(0)).toBe('\ufffd')
  expect([...array.bytes(0)]).toEqual([0xff])
})

it.each([-1, 2, 0.5, Number.NaN])('has no string %d', (index) => {
  expect(() => StringArray.from(['a', 'b']).at(index)).toThrow(RangeError)
})
