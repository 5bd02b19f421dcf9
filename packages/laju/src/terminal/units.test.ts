import { expect, it } from 'vitest'
import { formatBytes, formatCount, formatSpeed, formatTime } from './units.ts'

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1500, '1.50 kB'],
  [639_446_688, '639 MB'],
  [999_700_000, '1.00 GB'],
  [4_730_000_000, '4.73 GB'],
])('%i bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))

it.each([
  [7, '7'],
  [1_310_720, '1.31 million'],
  [596_049_920, '596 million'],
  [30_532_122_624, '30.5 billion'],
])('%i parameters are %s', (count, text) => expect(formatCount(count)).toBe(text))

it('writes speeds and times with the digits that matter', () => {
  expect(formatSpeed(7.123)).toBe('7.1 tokens/s')
  expect(formatSpeed(1234.5)).toBe('1,235 tokens/s')
  expect(formatSpeed(Number.POSITIVE_INFINITY)).toBe('? tokens/s')
  expect(formatTime(74.2)).toBe('74 ms')
  expect(formatTime(1234)).toBe('1.2 s')
})
