import { expect, it } from 'vitest'
import { neutralise } from './neutralise.ts'

it('leaves text, line breaks and tabs alone', () => {
  expect(neutralise('é 日本 👍\n\tx')).toBe('é 日本 👍\n\tx')
})

it('shows what would drive the terminal', () => {
  expect(neutralise('\x1b]0;title\x07\x1b[2J')).toBe('\\x1b]0;title\\x07\\x1b[2J')
  expect(neutralise('a\rb\x7f\x9b31m\0')).toBe('a\\x0db\\x7f\\x9b31m\\x00')
})
