import { expect, it } from 'vitest'
import { parseChatCommand } from './chat-command.ts'

it.each([
  ['/think on', { name: 'think', setting: 'on' }],
  ['/think off ', { name: 'think', setting: 'off' }],
  ['/think  256', { name: 'think', setting: 256 }],
  ['/think', { name: 'think', setting: undefined }],
  ['/reset', { name: 'reset' }],
  ['/undo', { name: 'undo' }],
  ['/save my chat.laju ', { name: 'save', file: 'my chat.laju' }],
  ['/load ~/chat', { name: 'load', file: '~/chat' }],
  ['/stats', { name: 'stats' }],
  ['/help', { name: 'help' }],
  ['/quit', { name: 'quit' }],
  ['/exit', { name: 'quit' }],
])('%s is a command', (line, command) => expect(parseChatCommand(line)).toEqual(command))

it.each(['/think maybe', '/think -1', '/reset now', '/rest', '/save', '/load  '])(
  '%s is wrong, and says why',
  (line) => {
    expect(parseChatCommand(line)).toMatchObject({ name: 'wrong', message: expect.stringContaining('/') })
  },
)

it.each(['/usr/bin', 'what is /think?', '1/2', '/', '/help\nme'])('%j is a question', (line) => {
  expect(parseChatCommand(line)).toBeUndefined()
})
