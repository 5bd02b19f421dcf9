import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { DECODABLE_TYPES, rowBytes } from '../../../weights/element-type.ts'
import { groupBytes } from './geometry.ts'

const COLUMNS = 256

/** The rows of the table in docs/types.md. */
function documentedBits(): Map<string, { file: number; memory: number }> {
  const page = readFileSync(new URL('../../../../../../docs/types.md', import.meta.url), 'utf8')
  const rows = page.matchAll(/^\| (\w+) \| ([\d.]+) \| ([\d.]+) \|$/gm)
  return new Map(Array.from(rows, ([, type, file, memory]) => [type, { file: Number(file), memory: Number(memory) }]))
}

describe('bits a weight', () => {
  test.each(DECODABLE_TYPES)('of %s are as documented', (type) => {
    const file = (8 * rowBytes(type, COLUMNS)) / COLUMNS
    const memory = groupBytes(type, COLUMNS) / COLUMNS
    expect(documentedBits().get(type)).toEqual({ file, memory })
  })

  test.each(DECODABLE_TYPES)('of %s are at most 4.5 in memory where the file has less than 4', (type) => {
    const file = (8 * rowBytes(type, COLUMNS)) / COLUMNS
    if (file < 4) expect(groupBytes(type, COLUMNS) / COLUMNS).toBeLessThanOrEqual(4.5)
  })
})
