import type { Reply, ReplyPart } from '@laju/engine'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LiveOutput, type Terminal } from './live-output.ts'
import { ReplyPrinter, replySummary } from './reply-printer.ts'

const REPLY: Reply = {
  text: 'Four.',
  reasoning: '2 + 2 = 4',
  toolCalls: [],
  finishReason: 'stop',
  usage: { inputTokens: 12, cachedTokens: 0, outputTokens: 1234, reasoningTokens: 5 },
  timings: { promptMs: 100, generateMs: 2000, promptTokensPerSecond: 120, tokensPerSecond: 41.25 },
  logprobs: undefined,
}

class Recorder implements Terminal {
  text = ''
  readonly isTTY: boolean
  constructor(isTTY: boolean) {
    this.isTTY = isTTY
  }
  write(text: string): void {
    this.text += text
  }
}

async function* parts(...all: ReplyPart[]): AsyncGenerator<ReplyPart> {
  yield* all
  yield { type: 'finish', reply: REPLY }
}

async function printed(isTTY: boolean, ...all: ReplyPart[]): Promise<string> {
  const stdout = new Recorder(isTTY)
  await new ReplyPrinter(new LiveOutput(stdout, new Recorder(false)), stdout).print(parts(...all))
  return stdout.text
}

function thought(text: string): ReplyPart {
  return { type: 'reasoning-delta', text }
}

function answer(text: string): ReplyPart {
  return { type: 'text-delta', text }
}

describe('ReplyPrinter', () => {
  beforeEach(() => {
    vi.stubEnv('NO_COLOR', '')
    vi.stubEnv('TERM', 'xterm')
  })
  afterEach(() => vi.unstubAllEnvs())

  it('dims the thought on a terminal, and sets the answer apart', async () => {
    const text = await printed(true, thought('2 + 2'), thought(' = 4'), answer('Four.'))
    expect(text).toBe('\x1b[2m2 + 2\x1b[22m\x1b[2m = 4\x1b[22m\n\nFour.\n')
  })

  it('labels thought and answer without colours', async () => {
    expect(await printed(false, thought('Hm.'), answer('Four.'))).toBe('[thought]\nHm.\n\n[answer]\nFour.\n')
    expect(await printed(false, answer('Four.'))).toBe('Four.\n')
  })

  it('obeys NO_COLOR', async () => {
    vi.stubEnv('NO_COLOR', '1')
    expect(await printed(true, thought('Hm.'), answer('Four.'))).not.toContain('\x1b')
  })

  it('drops white space around thought and answer, but not inside', async () => {
    const text = await printed(
      false,
      thought('\n'),
      thought('a'),
      thought(' \n'),
      thought('b'),
      thought('\n'),
      answer('\n\nc\n'),
    )
    expect(text).toBe('[thought]\na \nb\n\n[answer]\nc\n')
  })

  it('neutralises what would drive the terminal', async () => {
    expect(await printed(true, answer('\x1b[2Jx'))).toBe('\\x1b[2Jx\n')
  })

  it('returns the reply', async () => {
    const stdout = new Recorder(false)
    const printer = new ReplyPrinter(new LiveOutput(stdout, stdout), stdout)
    expect(await printer.print(parts(answer('Four.')))).toBe(REPLY)
  })

  it('ends the line when the reply fails', async () => {
    async function* failing(): AsyncGenerator<ReplyPart> {
      yield answer('Fo')
      throw new Error('lost')
    }
    const screen = new Recorder(true)
    await expect(new ReplyPrinter(new LiveOutput(screen, screen), screen).print(failing())).rejects.toThrow('lost')
    expect(screen.text).toBe('Fo\n')
  })
})

it('sums a reply up in a line', () => {
  expect(replySummary(REPLY)).toBe('1,234 tokens · 41.3 tokens/s · prompt: 12 tokens in 100 ms')
  expect(replySummary({ ...REPLY, finishReason: 'length' })).toContain('cut off')
})
