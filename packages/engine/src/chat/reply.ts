import type { ToolCall } from './tools.ts'

/** Parts of a reply as they arrive, in the AI SDK's vocabulary. */
export type ReplyPart =
  | { readonly type: 'reasoning-delta'; readonly text: string }
  | { readonly type: 'text-delta'; readonly text: string }
  | ({ readonly type: 'tool-call' } & ToolCall)
  | ToolResultPart
  | { readonly type: 'finish'; readonly reply: Reply }

/** What a function returned, or how it failed, as the model is told. */
export interface ToolResultPart {
  readonly type: 'tool-result'
  /** Of the call. */
  readonly id: string
  readonly name: string
  readonly output: string
  /** The call could not be read, there is no such function, or it threw. */
  readonly failed: boolean
}

/**
 * Why a reply ended: the model ended its turn or met a stop string (`stop`), it waits for functions that it called
 * (`tool-calls`), or it reached `maxTokens` or the end of the context (`length`).
 */
export type FinishReason = 'stop' | 'tool-calls' | 'length'

export interface Usage {
  /** Tokens of the prompt, cached ones included. */
  readonly inputTokens: number
  /** Those of the prompt that were already computed in an earlier turn. */
  readonly cachedTokens: number
  /** Tokens of the whole reply: thought, answer, tags and the token that ended it. */
  readonly outputTokens: number
  /** Those of the reply the model wrote inside its thought, tags not counted. */
  readonly reasoningTokens: number
}

export interface Timings {
  /** Milliseconds to compute the prompt. */
  readonly promptMs: number
  /** Milliseconds from the first sampled token to the last. */
  readonly generateMs: number
  /** Newly computed prompt tokens a second. */
  readonly promptTokensPerSecond: number
  /** Sampled tokens a second. */
  readonly tokensPerSecond: number
}

/** @param computed prompt tokens that were not cached @param drawn tokens that followed the first of a reply */
export function timingsOf(promptMs: number, computed: number, generateMs: number, drawn: number): Timings {
  const perSecond = (count: number, milliseconds: number) => (milliseconds > 0 ? (1000 * count) / milliseconds : 0)
  return {
    promptMs,
    generateMs,
    promptTokensPerSecond: perSecond(computed, promptMs),
    tokensPerSecond: perSecond(drawn, generateMs),
  }
}

/** A sampled token with its log-probability (natural logarithm) before sampling settings were applied. */
export interface TokenLogprob {
  readonly id: number
  readonly text: string
  readonly logprob: number
  /** The most likely alternatives, best first. */
  readonly top: readonly { readonly id: number; readonly text: string; readonly logprob: number }[]
}

/** A whole reply. Where functions were run, text and thought are those of the last round; tokens and times are of all. */
export interface Reply {
  readonly text: string
  /** The thought, without its tags; undefined when there was none. */
  readonly reasoning: string | undefined
  /** The calls that were not run: with a finish reason of `tool-calls`, the caller's to answer. */
  readonly toolCalls: readonly ToolCall[]
  readonly finishReason: FinishReason
  readonly usage: Usage
  readonly timings: Timings
  /** One entry a token that was drawn and did not end the reply, where asked for. */
  readonly logprobs: readonly TokenLogprob[] | undefined
}

/** Settings of one reply. Undefined means: the conversation's default, then the checkpoint's, then the card's advice. */
export interface ReplyOptions {
  /** Most tokens of the reply (of each round, where functions are run), thought included. */
  readonly maxTokens?: number
  /** 0 is greedy. */
  readonly temperature?: number
  readonly topK?: number
  readonly topP?: number
  readonly minP?: number
  readonly repetitionPenalty?: number
  readonly frequencyPenalty?: number
  readonly presencePenalty?: number
  /** Same seed, same text. */
  readonly seed?: number
  /** The reply ends before the first of these. */
  readonly stop?: readonly string[]
  /** Report log-probabilities, with this many alternatives a token (0 to 20). */
  readonly logprobs?: number
  /** Whether the model thinks before it answers; undefined leaves it to the template. */
  readonly thinking?: boolean
  /** Most tokens of the thought; it is then closed so that the model still answers. */
  readonly thinkingBudget?: number
}
