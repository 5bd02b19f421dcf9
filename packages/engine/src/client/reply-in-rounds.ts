import type { Message } from '../chat/message.ts'
import { type Reply, type ReplyOptions, type ReplyPart, type ToolResultPart, timingsOf } from '../chat/reply.ts'
import type { ToolCall } from '../chat/tools.ts'
import { AbortError, throwIfAborted } from '../errors.ts'
import { isJsonObject } from '../weights/json.ts'
import type { EngineThread } from './engine-thread.ts'
import { definitionsOf, promptOf, roundsOf, type ToolOptions, type Tools } from './tools.ts'

/** Who answers the calls of the engine. */
export type Caller = Pick<EngineThread, 'call'>

export interface RoundsRequest {
  readonly thread: Caller
  readonly conversation: number | undefined
  readonly messages: readonly Message[]
  readonly options: ReplyOptions & ToolOptions
  readonly emit: (part: ReplyPart) => void
  readonly signal: AbortSignal
  /** Told each time of all the turns, once a round is whole. */
  readonly keep?: (messages: readonly Message[]) => void
}

/**
 * A reply with the function calls in it run: while the model ends its turn with calls, their results go back to it
 * and it goes on. The parts of all rounds are told as they come, `finish` once.
 * @throws LajuError; AbortError at once, also while a function that ignores its signal is running
 */
export async function replyInRounds(request: RoundsRequest): Promise<Reply> {
  const { thread, conversation, emit, signal, keep } = request
  const { tools = {}, maxToolRounds, ...options } = request.options
  const definitions = definitionsOf(tools)
  const mostRounds = roundsOf({ maxToolRounds })
  const onEvent = (part: ReplyPart) => part.type !== 'finish' && emit(part)
  const replies: Reply[] = []
  let { messages } = request
  for (;;) {
    const prompt = promptOf(messages, definitions)
    const reply = await thread.call('reply', { prompt, conversation, options }, { signal, onEvent })
    replies.push(reply)
    const answered = [...messages, assistantTurn(reply)]
    const runs = reply.finishReason === 'tool-calls' && replies.length <= mostRounds
    if (!runs || reply.toolCalls.some((call) => isLeftToCaller(call, tools))) {
      keep?.(answered)
      const whole = { ...reply, ...totals(replies) }
      emit({ type: 'finish', reply: whole })
      return whole
    }
    const results = await Promise.all(reply.toolCalls.map((call) => run(call, tools, emit, signal)))
    throwIfAborted(signal)
    messages = [...answered, ...results]
    keep?.(messages)
  }
}

function assistantTurn({ text, reasoning, toolCalls }: Reply): Message {
  const turn: Message = { role: 'assistant', content: text, reasoning }
  return toolCalls.length === 0 ? turn : { ...turn, toolCalls }
}

function isLeftToCaller({ name, invalid }: ToolCall, tools: Tools): boolean {
  return invalid === undefined && Object.hasOwn(tools, name) && tools[name].execute === undefined
}

async function run(
  call: ToolCall,
  tools: Tools,
  emit: (part: ReplyPart) => void,
  signal: AbortSignal,
): Promise<Message> {
  const { id, name } = call
  const outcome = await unlessAborted(outcomeOf(call, tools, signal), signal)
  const part: ToolResultPart = { type: 'tool-result', id, name, ...outcome }
  emit(part)
  return { role: 'tool', content: outcome.output, toolCallId: id, toolName: name }
}

/** A function that fails is no failure of the reply: the model is told, and may do better. */
async function outcomeOf(
  { name, input, invalid }: ToolCall,
  tools: Tools,
  signal: AbortSignal,
): Promise<Pick<ToolResultPart, 'output' | 'failed'>> {
  try {
    if (invalid !== undefined) throw new Error(`The call could not be read: ${invalid}.`)
    const tool = Object.hasOwn(tools, name) ? tools[name] : undefined
    if (tool === undefined) throw new Error(`There is no function ${name}; there is ${Object.keys(tools).join(', ')}.`)
    const output = await tool.execute?.(isJsonObject(input) ? input : {}, { signal })
    return { output: typeof output === 'string' ? output : (JSON.stringify(output) ?? 'null'), failed: false }
  } catch (error) {
    return { output: `Error: ${error instanceof Error ? error.message : String(error)}`, failed: true }
  }
}

function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new AbortError(signal.reason))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Tokens and times of all rounds together; `cachedTokens` and `inputTokens` count what each round was given. */
function totals(replies: readonly Reply[]): Pick<Reply, 'usage' | 'timings' | 'logprobs'> {
  const sum = (count: (reply: Reply) => number) => replies.reduce((total, reply) => total + count(reply), 0)
  const promptMs = sum(({ timings }) => timings.promptMs)
  const generateMs = sum(({ timings }) => timings.generateMs)
  const usage = {
    inputTokens: sum(({ usage }) => usage.inputTokens),
    cachedTokens: sum(({ usage }) => usage.cachedTokens),
    outputTokens: sum(({ usage }) => usage.outputTokens),
    reasoningTokens: sum(({ usage }) => usage.reasoningTokens),
  }
  const computed = usage.inputTokens - usage.cachedTokens
  return {
    usage,
    timings: timingsOf(promptMs, computed, generateMs, usage.outputTokens - replies.length),
    logprobs: replies.some(({ logprobs }) => logprobs !== undefined)
      ? replies.flatMap(({ logprobs = [] }) => logprobs)
      : undefined,
  }
}
