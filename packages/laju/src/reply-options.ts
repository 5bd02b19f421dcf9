import { CACHE_TYPES, type LoadOptions, QUANTIZE_CHOICES, type ReplyOptions } from '@laju/engine'
import { adaptersOf } from './adapter-option.ts'
import type { Arguments } from './arguments.ts'
import type { CommandOption } from './command.ts'

/** The options of every command that makes a model write. */
export const REPLY_OPTIONS = {
  system: { type: 'string', value: 'TEXT', help: 'the system message: how the model should behave' },
  think: { type: 'boolean', help: 'let the model think before it answers' },
  'no-think': { type: 'boolean', help: 'answer at once' },
  'think-budget': { type: 'string', value: 'N', help: 'think for at most N tokens, then answer' },
  'max-tokens': { type: 'string', value: 'N', help: 'end the reply after N tokens' },
  stop: { type: 'string', value: 'TEXT', multiple: true, help: 'end the reply before this text (repeatable)' },
  greedy: { type: 'boolean', help: 'always take the most likely token' },
  temperature: { type: 'string', value: 'X', help: '0 is greedy; higher is more varied' },
  'top-k': { type: 'string', value: 'N', help: 'choose among the N most likely tokens (0 is all)' },
  'top-p': { type: 'string', value: 'X', help: 'choose among the likeliest that add up to X (0 to 1)' },
  'min-p': { type: 'string', value: 'X', help: 'drop tokens less likely than X times the best (0 to 1)' },
  'repetition-penalty': { type: 'string', value: 'X', help: 'above 1 makes earlier tokens less likely' },
  'frequency-penalty': { type: 'string', value: 'X', help: 'lower a token for each time it was written' },
  'presence-penalty': { type: 'string', value: 'X', help: 'lower a token once it was written' },
  seed: { type: 'string', value: 'N', help: 'same seed, same text' },
} satisfies Record<string, CommandOption>

/** The options of every command that loads a model. */
export const LOAD_OPTIONS = {
  context: { type: 'string', value: 'N', help: 'most tokens of the conversation (default at most 4096)' },
  backend: { type: 'string', value: 'NAME', help: 'wasm (default) or reference (slow and exact)' },
  cache: {
    type: 'string',
    value: 'TYPE',
    help: 'keys and values as i16 (default), q8_0 (half the memory), f16 or f32',
  },
  'memory-limit': {
    type: 'string',
    value: 'SIZE',
    help: 'memory the model may take, as 1.2GB: a smaller cache and a shorter context where it must be',
  },
  threads: { type: 'string', value: 'N', help: 'threads that compute together (default: as many as pay)' },
  quantize: { type: 'string', value: 'TYPE', help: 'hold float weights as Q8_0, Q4_0, …; auto (default) or none' },
} satisfies Record<string, CommandOption>

/** Of the commands that make a loaded model compute. */
export const REVECTORIZE_OPTION = {
  revectorize: { type: 'boolean', help: 'experimental: join vector operations to wider ones (Node 26, x64)' },
} satisfies Record<string, CommandOption>

export function replyOptions(given: Arguments): ReplyOptions {
  given.refuseTogether('think', 'no-think')
  given.refuseTogether('think-budget', 'no-think')
  given.refuseTogether('greedy', 'temperature')
  const thinkingBudget = given.integer('think-budget', 0)
  const stop = given.list('stop')
  return {
    thinking: given.flag('no-think') ? false : given.flag('think') || thinkingBudget !== undefined || undefined,
    thinkingBudget,
    maxTokens: given.integer('max-tokens', 1),
    stop: stop.length > 0 ? stop : undefined,
    temperature: given.flag('greedy') ? 0 : given.number('temperature', 0),
    topK: given.integer('top-k', 0),
    topP: given.number('top-p', 0, 1),
    minP: given.number('min-p', 0, 1),
    repetitionPenalty: given.number('repetition-penalty', Number.MIN_VALUE),
    frequencyPenalty: given.number('frequency-penalty'),
    presencePenalty: given.number('presence-penalty'),
    seed: given.integer('seed', 0),
  }
}

export function loadOptions(given: Arguments, signal: AbortSignal): Omit<LoadOptions, 'onProgress'> {
  return {
    contextLength: given.integer('context', 1),
    backend: given.choice('backend', ['wasm', 'reference']),
    cacheType: given.choice('cache', CACHE_TYPES),
    memoryLimit: given.bytes('memory-limit'),
    threads: given.integer('threads', 1),
    adapters: adaptersOf(given),
    revectorize: given.flag('revectorize'),
    quantize: given.choice('quantize', QUANTIZE_CHOICES),
    signal,
  }
}
