import { nextTurn } from '#machine/next-turn'
import { describe, type ModelDescription } from '../architectures/describe.ts'
import type { CompiledModel, CompileOptions } from '../backends/backend.ts'
import { backendByName } from '../backends/by-name.ts'
import type { KeyValueSequence } from '../cache/kv.ts'
import { KeyValueCache } from '../cache/kv-cache.ts'
import type { Reply, ReplyOptions, ReplyPart } from '../chat/reply.ts'
import { type ReplySetting, ReplyWriter, wantsThought } from '../chat/reply-writer.ts'
import type { ChatTemplate, Prompt } from '../chat/template.ts'
import { chatTemplateFor } from '../chat/template-fallback.ts'
import { chatTemplateSource } from '../chat/template-source.ts'
import { ContextError, EngineError, LajuError, OptionError, throwIfAborted } from '../errors.ts'
import { Generator } from '../generate/generate.ts'
import { largest } from '../generate/largest.ts'
import { samplingOfGenerationConfig, samplingOfGguf } from '../generate/sampling-defaults.ts'
import type { SamplingSettings } from '../generate/sampling-settings.ts'
import type { ModelLocation } from '../hub/model-location.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { tokenizerOf } from '../tokenizer/tokenizer-of.ts'
import type { Checkpoint } from '../weights/checkpoint.ts'
import { Adapters } from './adapters.ts'
import { typedIfNoMemory } from './allocation-failure.ts'
import { ConversationFile, mismatch, type Origin, requireSameOrigin } from './conversation-file.ts'
import type { ConversationRecord } from './conversation-record.ts'
import { normalized, tokensToEmbed } from './embed.ts'
import { modelFingerprint } from './fingerprint.ts'
import { memoryRefused, requireMemory, withinMemory } from './memory-budget.ts'
import type { ReplyRequest, RestoreRequest, SaveRequest, TimeRequest, TimeResult } from './messages.ts'
import { compileOptions, heldModel, modelInfo } from './model-info.ts'
import { type RankRequest, relevance, tokensToRank } from './rank.ts'
import { revectorizeIfAsked } from './revectorize.ts'
import { restoreSequence, saveSequence } from './saved-sequence.ts'
import { type TokenWork, tokenWork } from './token-work.ts'
import type { EngineOptions, LoadProgress, ModelInfo } from './types.ts'

interface Parts {
  readonly info: ModelInfo
  readonly description: ModelDescription
  readonly model: CompiledModel
  readonly fingerprint: () => Promise<string>
  readonly limits: CompileOptions
  readonly tokenizer: Lazy<Tokenizer>
  readonly template: Lazy<ChatTemplate>
  readonly sampling: Partial<SamplingSettings>
}

interface Loading {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined
}

type ChatPrompt = Extract<ReplyRequest['prompt'], { messages: unknown }>

/** A part that some checkpoints lack: the reason is told when the part is asked for. */
type Lazy<Part> = () => Part

/** One loaded model with its sequences: what the worker thread runs. */
export class Engine {
  readonly info: ModelInfo
  readonly adapters: Adapters
  readonly #parts: Parts
  readonly #cache: KeyValueCache
  readonly #generator: Generator
  readonly #conversations = new Map<number, KeyValueSequence>()
  /** Calls under way that compute one thing after the other, and all of them with the same adapters. */
  #rankings = 0

  private constructor(parts: Parts) {
    const { info, model, limits, description } = parts
    this.info = info
    this.adapters = new Adapters(model, description, {
      requireIdle: () => this.#requireIdle(),
      change: (change) => this.#change(change),
    })
    this.#parts = parts
    this.#cache = new KeyValueCache(limits.pages, (from, to, tokens) => model.copyPage(from, to, tokens))
    this.#generator = new Generator(model, this.#cache, limits)
  }

  /** @throws CheckpointError, OptionError, EngineError `out-of-memory`, AbortError */
  static async load(
    location: ModelLocation,
    options: EngineOptions,
    { signal, onProgress }: Loading = {},
  ): Promise<Engine> {
    try {
      return await Engine.#load(location, options, { signal, onProgress })
    } catch (error) {
      throw typedIfNoMemory(error)
    }
  }

  static async #load(location: ModelLocation, asked: EngineOptions, { signal, onProgress }: Loading): Promise<Engine> {
    throwIfAborted(signal)
    const checkpoint = await openCheckpoint(location, signal)
    try {
      const stored = await describe(checkpoint, signal)
      const { description, quantized } = await heldModel(checkpoint, stored, asked)
      const { options, notices: fitting } = withinMemory(description, asked)
      const info = modelInfo(checkpoint, description, options, quantized)
      const limits = compileOptions(description, options)
      const notices = [...fitting, ...(await revectorizeIfAsked(options))]
      const fingerprint = await modelFingerprint(description, signal)
      const parts = { description, fingerprint, limits, ...textParts(checkpoint) }
      return await withWeights(
        description,
        options,
        limits,
        { signal, onProgress },
        (model) =>
          new Engine({ ...parts, model, info: { ...info, notices: [...info.notices, ...notices, ...model.notices] } }),
      )
    } finally {
      await checkpoint.close()
    }
  }

  get tokenizer(): Tokenizer {
    return this.#parts.tokenizer()
  }

  /** @throws ContextError, TemplateError, OptionError, LajuError `empty-prompt`, AbortError */
  async reply(
    { prompt, conversation, options }: ReplyRequest,
    emit: (part: ReplyPart) => void,
    signal?: AbortSignal,
  ): Promise<Reply> {
    const { info, tokenizer } = this
    const template = 'messages' in prompt ? this.#parts.template() : undefined
    const { text, insideThought } = this.#render(prompt, options)
    const ids = tokenizer.encode(text, { beginning: template === undefined })
    this.#checkPrompt(ids, 1)
    const writer = new ReplyWriter({
      tokenizer,
      vocabulary: info.vocabulary,
      architecture: info.architecture,
      name: info.name,
      sampling: this.#parts.sampling,
      thinkingStyle: template?.thinking,
      insideThought,
      tools: template && 'messages' in prompt ? toolSetting(template, prompt) : undefined,
      options,
      prompt: ids,
      continuesText: template === undefined && text !== '',
      room: info.contextLength - ids.length,
      emit,
    })
    const sequence = this.#sequenceOf(conversation)
    try {
      await this.#generator.run({
        sequence,
        ids,
        maxLength: ids.length + writer.maxTokens,
        outputs: 'last',
        speculates: true,
        signal,
        start: (cachedTokens) => writer.start(cachedTokens),
        accept: (logits) => writer.accept(logits),
      })
    } finally {
      if (conversation === undefined) this.#cache.remove(sequence)
    }
    return writer.finish()
  }

  /**
   * How many tokens a prompt has, with those that open the reply. They are computed where a conversation is given, so that a
   * reply that goes on from there begins sooner. @throws ContextError, TemplateError, OptionError, AbortError
   */
  async read({ prompt, conversation, options }: ReplyRequest, signal?: AbortSignal): Promise<number> {
    const ids = this.tokenizer.encode(this.#render(prompt, options).text, { beginning: 'text' in prompt })
    if (conversation === undefined) return ids.length
    this.#checkPrompt(ids, 0)
    const sequence = this.#sequenceOf(conversation)
    const accept = () => undefined
    await this.#generator.run({ sequence, ids, maxLength: ids.length, outputs: 'last', signal, accept })
    return ids.length
  }

  /** Logits of all tokens of a sequence, in chunks [rows, vocabulary] that become the receiver's. */
  async forward(
    ids: Int32Array,
    emit: (logits: Float32Array<ArrayBuffer>) => void,
    signal?: AbortSignal,
  ): Promise<undefined> {
    this.#checkPrompt(ids, 0)
    const sequence = this.#cache.create()
    try {
      await this.#generator.run({
        sequence,
        ids,
        maxLength: ids.length,
        outputs: 'all',
        signal,
        accept(logits) {
          emit(logits.slice())
          return undefined
        },
      })
    } finally {
      this.#cache.remove(sequence)
    }
  }

  /**
   * A vector of length 1 for each text, from the final hidden state of its last token.
   * @throws ContextError, CheckpointError `unsupported-tokenizer`, AbortError
   */
  async embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array<ArrayBuffer>[]> {
    const all = texts.map((text) => tokensToEmbed(text, this.tokenizer, this.info.name))
    for (const ids of all) this.#checkPrompt(ids, 0)
    return Promise.all(
      all.map(async (ids) => {
        const sequence = this.#cache.create()
        try {
          return normalized((await this.#readLast(sequence, ids, signal)).hidden)
        } finally {
          this.#cache.remove(sequence)
        }
      }),
    )
  }

  /**
   * How probably each document is relevant to a query, from 0 to 1. The documents are read one after the other: what
   * their questions have in common is computed once.
   * @throws ContextError, CheckpointError `unsupported-tokenizer`, AbortError
   */
  async rank(request: RankRequest, signal?: AbortSignal): Promise<number[]> {
    const all = request.documents.map((document) => tokensToRank(request, document, this.tokenizer))
    for (const ids of all) this.#checkPrompt(ids, 0)
    const sequence = this.#cache.create()
    this.#rankings++
    try {
      const scores: number[] = []
      for (const ids of all) {
        const { logits } = await this.#readLast(sequence, ids, signal)
        scores.push(relevance(logits, this.tokenizer, this.info.name))
      }
      return scores
    } finally {
      this.#rankings--
      this.#cache.remove(sequence)
    }
  }

  /** What a token costs. */
  get work(): TokenWork {
    const { description, limits, model } = this.#parts
    return tokenWork(description.graph, description.tensors, limits, model.memory)
  }

  /**
   * Computes the tokens that a conversation does not have yet, and for `steps` more than one a token after the other, each
   * the likeliest. @throws ContextError, OptionError, AbortError
   */
  async time({ conversation, ids, steps }: TimeRequest, signal?: AbortSignal): Promise<TimeResult> {
    this.#checkPrompt(ids, Math.max(0, steps - 1))
    let start = 0
    let cachedTokens = 0
    let left = steps
    await this.#generator.run({
      sequence: this.#sequenceOf(conversation),
      ids,
      maxLength: ids.length + Math.max(0, steps - 1),
      outputs: 'last',
      signal,
      start(cached) {
        cachedTokens = cached
        start = performance.now()
      },
      accept: (logits) => (--left > 0 ? largest(logits, 1) : undefined),
    })
    return { cachedTokens, milliseconds: performance.now() - start }
  }

  fork(from: number, to: number): undefined {
    const sequence = this.#conversations.get(from)
    if (sequence) this.#conversations.set(to, this.#cache.fork(sequence))
  }

  /**
   * Writes a conversation to a file or Blob, with as much of its keys and values as is there.
   * @throws LajuError `disk-full`, `write-failed`; AbortError
   */
  async save({ conversation, record, path }: SaveRequest, signal?: AbortSignal): Promise<Blob | undefined> {
    const sequence = this.#conversations.get(conversation)
    const fingerprint = await this.#parts.fingerprint()
    // What was aborted is let go of after the step that it is in.
    while (sequence && this.#cache.isInUse(sequence)) await nextTurn()
    const snapshot = sequence ? this.#cache.fork(sequence) : this.#cache.create()
    try {
      const said = { record, origin: this.#origin(fingerprint) }
      return await saveSequence(path, snapshot, said, this.#parts.model, signal)
    } finally {
      this.#cache.remove(snapshot)
    }
  }

  /**
   * Takes a conversation from a file or Blob. What of its keys and values finds no room is computed again when it goes on.
   * @throws LajuError `conversation-mismatch`, `invalid-conversation`, `truncated`; CheckpointError `not-found`,
   *   `not-a-file`, `read-failed`; AbortError
   */
  async restore(
    { conversation, from, messagesOnly }: RestoreRequest,
    signal?: AbortSignal,
  ): Promise<ConversationRecord> {
    const file = await ConversationFile.open(from, signal)
    try {
      if (!messagesOnly && file.tokens.length > 0) {
        const fingerprint = await this.#parts.fingerprint()
        const checkOrigin = () => requireSameOrigin(file.name, file.origin, this.#origin(fingerprint))
        checkOrigin()
        this.#checkTokens(file.name, file.tokens)
        this.#conversations.set(
          conversation,
          await restoreSequence(file, this.#cache, this.#parts.model, checkOrigin, signal),
        )
      }
      return file.record
    } finally {
      await file.close()
    }
  }

  forget(conversation: number): undefined {
    const sequence = this.#conversations.get(conversation)
    if (sequence) this.#cache.remove(sequence)
    this.#conversations.delete(conversation)
  }

  dispose(): void {
    this.#generator.stop(new EngineError('disposed', 'The model has been disposed.'))
    this.#parts.model.dispose()
  }

  /**
   * Changes what the model computes, and forgets what conversations have computed: a reply is of one piece, and keys and
   * values are of one model.
   * @throws LajuError `busy`
   */
  async #change<Result>(change: () => Result): Promise<Result> {
    await this.#requireIdle()
    const result = change()
    this.#cache.forgetIdle()
    return result
  }

  /** @throws LajuError `busy` */
  async #requireIdle(): Promise<void> {
    if ((await this.#generator.isIdle()) && this.#rankings === 0) return
    throw new LajuError('busy', 'The model is computing, and its adapters cannot be changed meanwhile.', {
      remedy: 'Await the replies that are under way, or abort them first.',
    })
  }

  /** What keys and values that are computed now come from. */
  #origin(fingerprint: string): Origin {
    const { model, info } = this.#parts
    const { pageLayout, pageBytes } = model
    return { model: info.name, fingerprint, pageLayout, pageBytes, adapters: this.adapters.attached }
  }

  #checkTokens(path: string, tokens: Int32Array): void {
    const { contextLength, vocabulary } = this.info
    if (tokens.length > contextLength) {
      throw mismatch(
        path,
        'contextLength',
        `has ${tokens.length} tokens, and the context has room for ${contextLength}`,
      )
    }
    const wrong = tokens.find((id) => id < 0 || id >= vocabulary)
    if (wrong !== undefined) throw mismatch(path, 'tokens', `has a token ${wrong}, which this model has not`)
  }

  /** Logits and final hidden state of the last of some tokens. */
  async #readLast(sequence: KeyValueSequence, ids: Int32Array, signal?: AbortSignal) {
    let last = { logits: new Float32Array(0), hidden: new Float32Array(0) }
    await this.#generator.run({
      sequence,
      ids,
      maxLength: ids.length,
      outputs: 'last',
      hidden: true,
      signal,
      accept(logits, _rows, hidden) {
        last = { logits: logits.slice(), hidden: hidden.slice() }
        return undefined
      },
    })
    return last
  }

  #render(prompt: ReplyRequest['prompt'], options: ReplyOptions): Prompt {
    if ('text' in prompt) return { text: prompt.text, insideThought: false }
    const { messages, tools } = prompt
    return this.#parts.template().prompt(messages, { thinking: wantsThought(options), tools })
  }

  #sequenceOf(conversation: number | undefined): KeyValueSequence {
    if (conversation === undefined) return this.#cache.create()
    const known = this.#conversations.get(conversation)
    if (known) return known
    const sequence = this.#cache.create()
    this.#conversations.set(conversation, sequence)
    return sequence
  }

  /** @param reply tokens that must fit behind the prompt */
  #checkPrompt(ids: Int32Array, reply: number): void {
    const { contextLength, trainedContextLength, vocabulary } = this.info
    if (ids.length === 0) {
      throw new LajuError('empty-prompt', 'The prompt is empty.', { remedy: 'Ask something.' })
    }
    const needed = ids.length + reply
    if (needed > contextLength) throw new ContextError(needed, contextLength, trainedContextLength)
    const wrong = ids.find((id) => id < 0 || id >= vocabulary)
    if (wrong !== undefined) {
      throw new OptionError('tokens', `There is no token ${wrong}; this model has ${vocabulary}, numbered from 0.`)
    }
  }
}

/** Calls are looked for only where functions were offered: all else is text. */
function toolSetting(template: ChatTemplate, { messages, tools = [] }: ChatPrompt): ReplySetting['tools'] {
  const form = tools.length === 0 ? undefined : template.toolStyle?.form
  if (form === undefined) return undefined
  return { form, callsBefore: messages.reduce((sum, { toolCalls = [] }) => sum + toolCalls.length, 0) }
}

/** What is made of a model with its weights. Where that fails, nothing of the model is left. */
async function withWeights<Made>(
  description: ModelDescription,
  options: EngineOptions,
  limits: CompileOptions,
  { signal, onProgress }: Loading,
  make: (model: CompiledModel) => Made,
): Promise<Made> {
  const { graph, tensors } = description
  const model = compiled(description, options, limits)
  const total = graph.weights.reduce((sum, { name }) => sum + (tensors.get(name)?.byteLength ?? 0), 0)
  try {
    await requireMemory(model.memory, description, options)
    await model.load(tensors, { signal, onProgress: (loaded) => onProgress?.({ stage: 'load', loaded, total }) })
    return make(model)
  } catch (error) {
    model.dispose()
    throw error
  }
}

function compiled(description: ModelDescription, options: EngineOptions, limits: CompileOptions): CompiledModel {
  const { graph, tensors } = description
  try {
    return backendByName(options.backend ?? 'wasm').compile(graph, tensors, limits)
  } catch (error) {
    // Without a cause it is not the system that refuses.
    const isNoRoom = error instanceof EngineError && error.code === 'out-of-memory' && error.cause !== undefined
    throw isNoRoom ? memoryRefused(description, options, error) : error
  }
}

/** Tokenizer, template and sampling advice of a checkpoint. */
function textParts(checkpoint: Checkpoint): Pick<Parts, 'tokenizer' | 'template' | 'sampling'> {
  const { name } = checkpoint
  const tokenizer = remember(() => tokenizerOf(checkpoint))
  return {
    tokenizer,
    template: remember(() => chatTemplateFor(chatTemplateSource(checkpoint), tokenizer(), name)),
    sampling:
      checkpoint.format === 'gguf'
        ? samplingOfGguf(checkpoint.metadata, name)
        : samplingOfGenerationConfig(checkpoint.generationConfig ?? {}, name),
  }
}

function remember<Part>(make: () => Part): Lazy<Part> {
  let part: Part | undefined
  return () => {
    part ??= make()
    return part
  }
}
