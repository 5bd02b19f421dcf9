import { expect, it } from 'vitest'
import { MultiLine } from './multi-line.ts'

function typed(...lines: string[]): (string | undefined)[] {
  const message = new MultiLine()
  return lines.map((line) => message.add(line))
}

it('takes a line as a message', () => {
  expect(typed('one', 'two')).toEqual(['one', 'two'])
})

it('goes on after a backslash', () => {
  expect(typed('one\\', 'two\\', 'three', 'four')).toEqual([undefined, undefined, 'one\ntwo\nthree', 'four'])
})

it('takes a block between bare fences without them', () => {
  expect(typed('```', 'a\\', '', 'b', '```')).toEqual([undefined, undefined, undefined, undefined, 'a\\\n\nb'])
})

it('keeps fences with a language', () => {
  expect(typed('```ts', 'x', '```')).toEqual([undefined, undefined, '```ts\nx\n```'])
})

it('keeps pasted lines together until one is typed', () => {
  const message = new MultiLine()
  expect(message.add('one\\', true)).toBeUndefined()
  expect(message.add('two', true)).toBeUndefined()
  expect(message.isOpen).toBe(true)
  expect(message.add('three')).toBe('one\\\ntwo\nthree')
  expect(message.isOpen).toBe(false)
})

it('forgets what was typed when cleared', () => {
  const message = new MultiLine()
  message.add('```')
  message.clear()
  expect(message.isOpen).toBe(false)
  expect(message.add('x')).toBe('x')
})
