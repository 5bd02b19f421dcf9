import type { DecoderConfig } from '../architectures/config.ts'
import type { ModelDescription } from '../architectures/describe.ts'
import { type Backend, CACHE_TYPES, type CacheType, type CompileOptions, PAGE_LENGTH } from '../backends/backend.ts'
import { backendByName } from '../backends/by-name.ts'
import { ChatTemplate } from '../chat/template.ts'
import { chatTemplateSource } from '../chat/template-source.ts'
import { type QuantizedWeights, quantizedForLoad } from '../convert/quantize-on-load.ts'
import { OptionError } from '../errors.ts'
import type { Graph } from '../graph/operations.ts'
import { checkpointName } from '../hub/checkpoint-name.ts'
import type { Checkpoint } from '../weights/checkpoint.ts'
import type { Tensor } from '../weights/tensor.ts'
import { threadCount, threadNotices } from './thread-count.ts'
import type { EngineOptions, MemoryEstimate, ModelInfo } from './types.ts'

/** What a conversation gets unless the caller asks for more: keys and values take memory by the token. */
const DEFAULT_CONTEXT = 4096
export const DEFAULT_CACHE_TYPE: CacheType = 'i16'
/** Tokens a step computes at most: enough to use each weight many times, few enough to answer an abort soon. */
const MAX_TOKENS = 64
/** Sequences that may write at the same time. */
const MAX_ROWS = 16

export function contextLengthOf({ contextLength }: DecoderConfig, options: EngineOptions): number {
  return options.contextLength ?? Math.min(contextLength, DEFAULT_CONTEXT)
}

/** How a model is compiled for the options of `load`. @throws OptionError */
export function compileOptions({ config, graph, tensors }: ModelDescription, options: EngineOptions): CompileOptions {
  const contextLength = contextLengthOf(config, options)
  if (!Number.isInteger(contextLength) || contextLength < 1 || contextLength > config.contextLength) {
    throw new OptionError(
      'contextLength',
      `A context of ${contextLength} tokens cannot be had: this model was made for 1 to ${config.contextLength}.`,
      `Ask for a whole number of at most ${config.contextLength}, or leave it out.`,
    )
  }
  const cacheType = options.cacheType ?? DEFAULT_CACHE_TYPE
  if (!CACHE_TYPES.includes(cacheType)) {
    const remedy = `Use one of ${CACHE_TYPES.join(', ')}.`
    throw new OptionError('cacheType', `There is no cache type ${JSON.stringify(cacheType)}.`, remedy)
  }
  return {
    maxTokens: Math.min(MAX_TOKENS, contextLength),
    maxRows: Math.min(MAX_ROWS, contextLength),
    pages: Math.ceil(contextLength / PAGE_LENGTH),
    cacheType,
    threads: threadCount(options.threads, bytesOfWeights(graph, tensors)),
    triesFewerThreads: options.threads === undefined,
    checksOptimised: options.revectorize,
  }
}

/** The model as it is held for the options of `load`, its weights quantised or not. @throws OptionError */
export function heldModel(checkpoint: Checkpoint, description: ModelDescription, options: EngineOptions) {
  const backend = backendByName(options.backend ?? 'wasm')
  const limits = compileOptions(description, options)
  return quantizedForLoad(checkpoint, description, options, backend, limits)
}

function bytesOfWeights(graph: Graph, tensors: ReadonlyMap<string, Tensor>): number {
  return graph.weights.reduce((sum, { name }) => sum + (tensors.get(name)?.byteLength ?? 0), 0)
}

/** What `load` and `inspect` tell about a model. */
export function modelInfo(
  checkpoint: Checkpoint,
  description: ModelDescription,
  options: EngineOptions,
  quantized: QuantizedWeights | undefined,
): ModelInfo {
  const { architecture, config, tensors } = description
  const backend = backendByName(options.backend ?? 'wasm')
  const contextLength = contextLengthOf(config, options)
  const chatTemplate = chatTemplateSource(checkpoint)
  return {
    name: checkpointName(checkpoint),
    format: checkpoint.format,
    architecture: architecture.name,
    parameters: [...tensors.values()].reduce((sum, tensor) => sum + elements(tensor), 0),
    types: typesOf(tensors),
    quantized,
    layers: config.layers,
    width: config.width,
    heads: config.heads,
    keyValueHeads: config.keyValueHeads,
    experts: config.experts && { count: config.experts.count, used: config.experts.used },
    vocabulary: config.vocabulary,
    trainedContextLength: config.contextLength,
    contextLength,
    cacheType: options.cacheType ?? DEFAULT_CACHE_TYPE,
    backend: backend.name,
    threads: compileOptions(description, options).threads,
    memory: estimate(backend, description, { ...options, contextLength }),
    fullContextMemory: estimate(backend, description, { ...options, contextLength: config.contextLength }),
    chatTemplate,
    switchableThinking: hasThinkingSwitch(chatTemplate, checkpoint.name),
    notices: threadNotices(options.threads, bytesOfWeights(description.graph, tensors)),
  }
}

function estimate(backend: Backend, description: ModelDescription, options: EngineOptions): MemoryEstimate {
  const { graph, tensors } = description
  const { weights, state, activations } = backend.measure(graph, tensors, compileOptions(description, options))
  return { weights, cache: state, activations, total: weights + state + activations }
}

function elements(tensor: Tensor): number {
  return tensor.shape.reduce((product, length) => product * length, 1)
}

function typesOf(tensors: ReadonlyMap<string, Tensor>): ModelInfo['types'] {
  const types = new Map<Tensor['type'], { tensors: number; bytes: number }>()
  for (const { type, byteLength } of tensors.values()) {
    const { tensors: count, bytes } = types.get(type) ?? { tensors: 0, bytes: 0 }
    types.set(type, { tensors: count + 1, bytes: bytes + byteLength })
  }
  return [...types].map(([type, counts]) => ({ type, ...counts }))
}

/** A template that cannot be parsed is reported when it is used, not when a model is looked at. */
function hasThinkingSwitch(source: string | undefined, name: string): boolean {
  if (source === undefined) return false
  try {
    return new ChatTemplate(source, new Map(), name).thinking?.switchable ?? false
  } catch {
    return false
  }
}
