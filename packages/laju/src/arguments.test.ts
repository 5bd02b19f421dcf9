import { describe, expect, it } from 'vitest'
import { Arguments, parseArguments } from './arguments.ts'
import type { Command } from './command.ts'
import { UsageError } from './usage-error.ts'

const COMMAND: Command = {
  name: 'test',
  summary: '',
  parameters: [
    { name: 'MODEL', help: '' },
    { name: 'PROMPT', help: '', optional: true },
  ],
  options: {
    json: { type: 'boolean', help: '' },
    seed: { type: 'string', value: 'N', help: '' },
    heat: { type: 'string', value: 'X', help: '' },
    stop: { type: 'string', value: 'TEXT', multiple: true, help: '' },
  },
  examples: [],
  run: () => Promise.resolve(),
}

function parse(...typed: string[]): Arguments {
  return parseArguments(COMMAND, typed)
}

describe('parseArguments', () => {
  it('reads arguments and options in any order', () => {
    const given = parse('--json', 'm.gguf', '--seed=7', 'hello', '--stop', 'a', '--stop', 'b')
    expect(given.required(0)).toBe('m.gguf')
    expect(given.positional(1)).toBe('hello')
    expect(given.flag('json')).toBe(true)
    expect(given.integer('seed', 0)).toBe(7)
    expect(given.list('stop')).toEqual(['a', 'b'])
    expect(given.number('heat')).toBeUndefined()
  })

  it('takes everything after -- as arguments', () => {
    expect(parse('m.gguf', '--', '-5 + 3').positional(1)).toBe('-5 + 3')
  })

  it.each([
    [[], 'MODEL is missing'],
    [['m', 'p', 'q'], '"q"'],
    [['m', '--sead', '7'], '--sead'],
    [['m', '-x'], '-x'],
    [['m', '--seed'], '--seed'],
    [['m', '--json=yes'], '--json'],
  ])('refuses %j', (typed, message) => {
    expect(() => parse(...typed)).toThrow(UsageError)
    expect(() => parse(...typed)).toThrow(message)
  })
})

describe('Arguments', () => {
  it.each([
    ['1.2GB', 1_200_000_000],
    ['300 mb', 300_000_000],
    ['1GiB', 2 ** 30],
    ['64KiB', 65_536],
    ['1000', 1000],
    ['0.5kB', 500],
  ])('reads %j as bytes', (text, bytes) => {
    expect(new Arguments([], { size: text }).bytes('size')).toBe(bytes)
  })

  it.each(['', 'GB', '1.2.3GB', '-1GB', '0', '1 cup', '1e9', '99999999999 TB', '1ib'])(
    'refuses %j as bytes',
    (text) => {
      expect(() => new Arguments([], { size: text }).bytes('size')).toThrow(/--size must be a number of bytes such as/)
    },
  )

  it.each(['', 'x', '1.5', '1e3', '0x10', '-1', '12', ' '])('refuses %j as a whole number from 0 to 11', (text) => {
    expect(() => new Arguments([], { seed: text }).integer('seed', 0, 11)).toThrow(
      /--seed must be a whole number from 0 to 11/,
    )
  })

  it.each(['', 'x', 'NaN', 'Infinity', '1.5', '-0.1'])('refuses %j as a number from 0 to 1', (text) => {
    expect(() => new Arguments([], { heat: text }).number('heat', 0, 1)).toThrow(/--heat must be a number from 0 to 1/)
  })

  it('checks choices and contradictions', () => {
    const given = new Arguments([], { backend: 'gpu', json: true })
    expect(() => given.choice('backend', ['wasm', 'reference'])).toThrow('wasm or reference')
    expect(() => given.refuseTogether('json', 'backend')).toThrow('--json and --backend')
    given.refuseTogether('json', 'seed')
  })
})
