import { expect, it } from 'vitest'
import { columnAfter } from './cursor-column.ts'

it.each([
  ['abc', 0, 10, 3],
  ['abc\nde', 5, 10, 2],
  ['abc', 7, 10, 10],
  ['abcd', 7, 10, 1],
  ['日本', 0, 10, 4],
  ['日', 9, 10, 2],
  ['👍', 0, 10, 2],
  ['e\u0301', 0, 10, 1],
  ['\t', 3, 80, 8],
  ['', 4, 80, 4],
])('%j from column %i of %i ends in column %i', (text, column, columns, after) => {
  expect(columnAfter(text, column, columns)).toBe(after)
})
