import type { Message } from '../chat/message.ts'
import type { Reply, ReplyOptions } from '../chat/reply.ts'
import { EngineError } from '../errors.ts'
import type { ModelSource } from '../hub/model-location.ts'
import { DEFAULT_INSTRUCTION } from '../worker/rank.ts'
import type { AskOptions, AttachOptions, LoadOptions, ModelInfo, RankedDocument, RankOptions } from '../worker/types.ts'
import { Adapter } from './adapter.ts'
import {
  Conversation,
  type ConversationOptions,
  messagesOf,
  newConversationNumber,
  type RestoreOptions,
  readRequest,
} from './conversation.ts'
import { EngineThread } from './engine-thread.ts'
import { Generation } from './generation.ts'
import { locateModel } from './model-source.ts'
import { replyInRounds } from './reply-in-rounds.ts'
import type { ChatOptions, ToolOptions } from './tools.ts'

let nextAdapter = 1

/**
 * Loads a model.
 * @param reference path of a GGUF or safetensors file, or of a folder with a model; or the name of a model that is
 *   downloaded if it is not here: `hf:owner/repository[:quantisation or file]`, the address of a GGUF file, or a short
 *   name such as `qwen3:0.6b`; or the file itself, or the files of one folder (`Blob`, `File`)
 * @throws CheckpointError, DownloadError, OptionError, EngineError `out-of-memory`, AbortError; for `adapters` as `attach`
 */
export async function load(reference: ModelSource, options: LoadOptions = {}): Promise<Model> {
  const { onProgress, signal, store, token, endpoint, adapters = [], ...engineOptions } = options
  const fetching = { onProgress, signal, store, token, endpoint }
  const path = await locateModel(reference, fetching)
  const thread = await EngineThread.start()
  try {
    const request = { path, options: engineOptions }
    const model = new Model(thread, await thread.call('load', request, { signal, onEvent: onProgress }))
    for (const adapter of adapters) {
      const { name, scale } = isNamed(adapter) ? adapter : { name: adapter, scale: 1 }
      await model.attach(name, { scale, ...fetching })
    }
    return model
  } catch (error) {
    await thread.stop(disposed())
    throw error
  }
}

/** A loaded model. It runs in a thread of its own until it is disposed. */
export class Model {
  readonly info: ModelInfo
  readonly #thread: EngineThread
  #adapters: readonly Adapter[] = []

  constructor(thread: EngineThread, info: ModelInfo) {
    this.#thread = thread
    this.info = info
  }

  /** One answer to a question, or to the last of some messages. */
  async ask(prompt: string | readonly Message[], options: ChatOptions = {}): Promise<Reply> {
    return this.generate(prompt, options).reply
  }

  /** As `ask`, part by part. */
  generate(prompt: string | readonly Message[], { signal, ...options }: ChatOptions = {}): Generation {
    const messages = messagesOf(prompt)
    const thread = this.#thread
    // Rounds of function calls go on from one another.
    const conversation = options.tools === undefined ? undefined : newConversationNumber()
    return new Generation(async (emit, stop) => {
      try {
        return await replyInRounds({ thread, conversation, messages, options, emit, signal: stop })
      } finally {
        // Fails only where the engine is gone, and its memory with it.
        if (conversation !== undefined) await thread.call('forget', { conversation }).catch(() => {})
      }
    }, signal)
  }

  conversation(options: ConversationOptions = {}): Conversation {
    return new Conversation(this.#thread, options)
  }

  /**
   * Goes on with a conversation that was saved to a file or Blob (`Conversation.save`), without computing it again. Functions are
   * not saved: give them anew; other options replace those that were saved.
   * @throws LajuError `conversation-mismatch` where the file is of another model, cache type or set of adapters, or too long for
   *   the context (`messagesOnly` then takes what was said), `invalid-conversation`, `truncated`; CheckpointError
   *   `not-found`, `not-a-file`, `read-failed`; AbortError
   */
  restore(from: string | Blob, options?: RestoreOptions): Promise<Conversation> {
    return Conversation.restore(this.#thread, from, options)
  }

  /** Goes on from a text as it is, without chat template. */
  complete(text: string, { signal, ...options }: AskOptions = {}): Generation {
    const request = { prompt: { text }, conversation: undefined, options }
    return new Generation((emit, stop) => this.#thread.call('reply', request, { signal: stop, onEvent: emit }), signal)
  }

  /** Logits [tokens, vocabulary] of a sequence of tokens, for tools and tests. */
  async forward(ids: ArrayLike<number>, { signal }: { signal?: AbortSignal } = {}): Promise<{ logits: Float32Array }> {
    const logits = new Float32Array(ids.length * this.info.vocabulary)
    let filled = 0
    const onEvent = (rows: Float32Array) => {
      logits.set(rows, filled)
      filled += rows.length
    }
    await this.#thread.call('forward', { ids: Int32Array.from(ids) }, { signal, onEvent })
    return { logits }
  }

  /**
   * The meaning of a text, or of each of some texts, as vectors of length 1: texts alike in meaning have a large dot
   * product. For models made for it, of the kind of Qwen3-Embedding; a query goes with its instruction before it, as
   * `Instruct: …\nQuery: …`.
   * @throws ContextError for a text that is too long: none is cut
   */
  async embed(text: string, options?: { signal?: AbortSignal }): Promise<Float32Array>
  async embed(texts: readonly string[], options?: { signal?: AbortSignal }): Promise<Float32Array[]>
  async embed(
    texts: string | readonly string[],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Float32Array | Float32Array[]> {
    const vectors = await this.#thread.call('embed', { texts: [texts].flat() }, { signal })
    return typeof texts === 'string' ? vectors[0] : vectors
  }

  /**
   * Documents by their relevance to a query, the most relevant first; equals in their order. For models made for it, of
   * the kind of Qwen3-Reranker.
   * @throws ContextError for a document that is too long: none is cut
   */
  async rank(
    query: string,
    documents: readonly string[],
    { instruction = DEFAULT_INSTRUCTION, signal }: RankOptions = {},
  ): Promise<RankedDocument[]> {
    const scores = await this.#thread.call('rank', { query, documents, instruction }, { signal })
    return scores.map((score, document) => ({ document, score })).sort((a, b) => b.score - a.score)
  }

  /**
   * @param options.special parse the texts of control tokens as those tokens; default true
   * @param options.beginning put the token that begins a sequence first, where the model has one; default false
   */
  tokenize(text: string, { special = true, beginning = false } = {}): Promise<Int32Array> {
    return this.#thread.call('tokenize', { text, special, beginning })
  }

  /** Tokens of a prompt as `ask` would give it to the model, those that open the reply included. */
  countTokens(prompt: string | readonly Message[], options: ReplyOptions & ToolOptions = {}): Promise<number> {
    return this.#thread.call('read', readRequest(messagesOf(prompt), options))
  }

  detokenize(ids: ArrayLike<number>): Promise<string> {
    return this.#thread.call('detokenize', { ids: Int32Array.from(ids) })
  }

  /** Those that are attached, in the order in which they were. */
  get adapters(): readonly Adapter[] {
    return this.#adapters
  }

  /**
   * Attaches a LoRA adapter: from the next call on the model answers with it. Several add up. The model's own weights stay
   * as they are, whatever type they are stored in. Conversations go on, and compute anew what they had computed.
   * @param reference path of a folder that PEFT has saved, or of a GGUF or safetensors file; or a name, as for `load`
   * @throws CheckpointError `adapter-mismatch` when it was made for another model, `unsupported-adapter` for kinds that
   *   cannot be attached; DownloadError; OptionError; LajuError `busy` while the model is computing; AbortError
   */
  async attach(reference: ModelSource, { scale = 1, ...fetching }: AttachOptions = {}): Promise<Adapter> {
    const { signal } = fetching
    const path = await locateModel(reference, fetching)
    const number = nextAdapter++
    const request = { path, adapter: number, scale }
    const info = await this.#thread.call('attach', request, { signal }).catch(async (error) => {
      // An abort may cross with the answer, and must leave nothing attached.
      await this.#thread.call('detach', { adapter: number }).catch(() => {})
      throw error
    })
    const adapter = new Adapter(this.#thread, { number, info, scale }, (detached) => {
      this.#adapters = this.#adapters.filter((other) => other !== detached)
    })
    this.#adapters = [...this.#adapters, adapter]
    return adapter
  }

  /** Ends every reply and frees everything. Twice is fine. */
  async dispose(): Promise<void> {
    await this.#thread.stop(disposed())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose()
  }
}

type NamedAdapter = { readonly name: ModelSource; readonly scale?: number }

/** A File has a name as well. */
function isNamed(adapter: ModelSource | NamedAdapter): adapter is NamedAdapter {
  return typeof adapter === 'object' && 'name' in adapter && !(adapter instanceof Blob)
}

function disposed(): EngineError {
  return new EngineError('disposed', 'The model has been disposed.', { remedy: 'Load it again.' })
}
