import fc from 'fast-check'
import { expect, it } from 'vitest'
import { crc32 } from './crc32.ts'
import { crc32 as crc32InBrowsers } from './crc32-browser.ts'

const CHECK = new TextEncoder().encode('123456789')

it('is what the standard gives for its check value', () => {
  expect(crc32(CHECK)).toBe(0xcbf43926)
  expect(crc32InBrowsers(CHECK)).toBe(0xcbf43926)
})

it('is the same in browsers', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 1000 }), (bytes) => crc32InBrowsers(bytes) === crc32(bytes)))
})
