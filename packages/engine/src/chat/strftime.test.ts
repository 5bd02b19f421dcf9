import { expect, it } from 'vitest'
import { strftime } from './strftime.ts'

it('writes dates in English as C does', () => {
  const date = new Date(2025, 6, 4, 15, 3, 9)
  expect(strftime(date, '%d %b %Y')).toBe('04 Jul 2025')
  expect(strftime(date, '%A, %B %-d, %Y')).toBe('Friday, July 4, 2025')
  expect(strftime(date, '%a %y-%m-%d %H:%M:%S %I %p %-I%% %q')).toBe('Fri 25-07-04 15:03:09 03 PM 3% %q')
  expect(strftime(new Date(2025, 0, 1), '%I %-M')).toBe('12 0')
})
