import { describe, expect, it } from 'vitest'
import { OptionError } from '../errors.ts'
import { isSafePath, parseReference, referenceName, repositoryAt } from './reference.ts'
import { SHORT_NAMES } from './short-names.ts'

const HUB = 'https://hub.example'
const QWEN = { kind: 'repository', repository: 'Qwen/Qwen3-0.6B-GGUF', revision: 'main' }

describe('parseReference', () => {
  it.each([
    ['hf:Qwen/Qwen3-0.6B-GGUF', { ...QWEN, choice: undefined }],
    ['hf:Qwen/Qwen3-0.6B-GGUF:Q8_0', { ...QWEN, choice: 'Q8_0' }],
    ['HF:Qwen/Qwen3-0.6B-GGUF:a/b-Q8_0.gguf', { ...QWEN, choice: 'a/b-Q8_0.gguf' }],
    ['hf:Qwen/Qwen3-0.6B-GGUF@v1.0:Q8_0', { ...QWEN, revision: 'v1.0', choice: 'Q8_0' }],
    ['qwen3:0.6b', { ...QWEN, choice: 'Q8_0' }],
    ['Qwen3:0.6B', { ...QWEN, choice: 'Q8_0' }],
    [`${HUB}/Qwen/Qwen3-0.6B-GGUF`, { ...QWEN, choice: undefined }],
    [`${HUB}/Qwen/Qwen3-0.6B-GGUF/resolve/main/q8.gguf?download=true`, { ...QWEN, choice: 'q8.gguf' }],
    [`${HUB}/Qwen/Qwen3-0.6B-GGUF/blob/v2/a/q8.gguf`, { ...QWEN, revision: 'v2', choice: 'a/q8.gguf' }],
    ['https://example.org/m.gguf', { kind: 'address', url: 'https://example.org/m.gguf' }],
    ['./model.gguf', { kind: 'path', path: './model.gguf' }],
    ['./qwen3:0.6b', { kind: 'path', path: './qwen3:0.6b' }],
    ['C:\\models\\m.gguf', { kind: 'path', path: 'C:\\models\\m.gguf' }],
    ['foo:7b', { kind: 'path', path: 'foo:7b' }],
  ])('%s', (typed, reference) => {
    expect(parseReference(typed, HUB)).toEqual(reference)
  })

  it.each([
    ['', 'empty'],
    ['hf:', 'not the name'],
    ['hf:model', 'not the name'],
    ['hf:a/b/c', 'not the name'],
    ['hf:../b', 'not the name'],
    ['hf:a/..', 'not the name'],
    ['hf:a/b--c', 'not the name'],
    ['hf:a/b:', 'not the name'],
    ['hf:a/b:../../etc/passwd', 'not the name'],
    ['hf:a/b:/etc/passwd', 'not the name'],
    ['hf:a/b@../x:f', 'not the name'],
    ['ftp://example.org/m.gguf', 'ftp'],
    ['http://localhost/v1#model', 'server'],
    ['https://', 'no'],
    [`${HUB}/owner/%zz`, 'not a web address'],
    ['qwen3:99b', 'no model'],
  ])('refuses %j', (typed, message) => {
    expect(() => parseReference(typed, HUB)).toThrow(OptionError)
    expect(() => parseReference(typed, HUB)).toThrow(message)
  })

  it('names the models of a family', () => {
    expect(() => parseReference('qwen3:99b', HUB)).toThrow(
      expect.objectContaining({ remedy: expect.stringContaining('qwen3:0.6b') }),
    )
  })

  it('reads every short name, and what referenceName writes', () => {
    for (const name of SHORT_NAMES.keys()) {
      const reference = parseReference(name, HUB)
      if (reference.kind !== 'repository') return expect.fail(name)
      expect(parseReference(referenceName(reference), HUB)).toEqual(reference)
    }
  })
})

it.each(['../a', 'a/../b', '/a', 'a//b', 'a\\b', 'C:a', 'a\0', 'a/', '', '.', 'a/.', 'a.', 'x'.repeat(1025)])(
  'isSafePath refuses %j',
  (path) => expect(isSafePath(path)).toBe(false),
)

it('repositoryAt knows the folders of the cache', () => {
  expect(repositoryAt('/c/models--o--m-1/snapshots/abc')).toBe('o/m-1')
  expect(repositoryAt('/c/models--o--m/snapshots/abc/m.gguf')).toBeUndefined()
  expect(repositoryAt('./m')).toBeUndefined()
})
