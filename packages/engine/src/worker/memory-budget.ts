import { availableMemory, machineMemory } from '#machine/memory'
import type { ModelDescription } from '../architectures/describe.ts'
import { type CacheType, type MemoryNeed, PAGE_LENGTH } from '../backends/backend.ts'
import { backendByName } from '../backends/by-name.ts'
import { EngineError, OptionError } from '../errors.ts'
import { megabytes } from '../machine/megabytes.ts'
import { compileOptions, contextLengthOf, DEFAULT_CACHE_TYPE } from './model-info.ts'
import type { EngineOptions } from './types.ts'

/** With less room than this, a model is of little use. */
const SHORTEST_CONTEXT = 512
/** From what nobody sees a difference in to the smallest. */
const CACHE_TYPES_TO_TRY: readonly CacheType[] = [DEFAULT_CACHE_TYPE, 'q8_0']

export interface Fitted {
  readonly options: EngineOptions
  /** What was chosen, where it is less than without a limit. */
  readonly notices: readonly string[]
}

/**
 * The options with a context and a cache type that keep a model within `memoryLimit`: what the caller has chosen stays;
 * otherwise keys and values are made smaller first, and then the context shorter, since a long conversation
 * loses more by the second.
 * @throws OptionError; EngineError `out-of-memory` with the numbers where nothing of use fits
 */
export function withinMemory(description: ModelDescription, options: EngineOptions): Fitted {
  const { memoryLimit } = options
  if (memoryLimit === undefined) return { options, notices: [] }
  if (!(memoryLimit > 0)) {
    throw new OptionError('memoryLimit', `A memory of ${memoryLimit} bytes cannot be had.`, 'Give a number of bytes.')
  }
  const wanted = contextLengthOf(description.config, options)
  const cacheTypes = options.cacheType === undefined ? CACHE_TYPES_TO_TRY : [options.cacheType]
  const fits = (tried: EngineOptions) => totalOf(needOf(description, tried)) <= memoryLimit
  for (const cacheType of cacheTypes) {
    const tried = { ...options, contextLength: wanted, cacheType }
    if (fits(tried)) return { options: tried, notices: noticesOf(options, tried, wanted) }
  }
  const smallest = { ...options, cacheType: cacheTypes[cacheTypes.length - 1] }
  const contextLength = longestContext(wanted, (length) => fits({ ...smallest, contextLength: length }))
  const tried = { ...smallest, contextLength }
  if (options.contextLength === undefined && contextLength >= Math.min(SHORTEST_CONTEXT, wanted)) {
    return { options: tried, notices: noticesOf(options, tried, wanted) }
  }
  throw beyondLimit(description, { ...smallest, contextLength: wanted }, contextLength)
}

/**
 * What is said where the system refuses the memory that a model needs.
 * @returns EngineError `out-of-memory` with the numbers, and with what would need less
 */
export function memoryRefused(description: ModelDescription, options: EngineOptions, cause: unknown): EngineError {
  const contextLength = Math.min(contextLengthOf(description.config, options), SHORTEST_CONTEXT)
  const less = totalOf(needOf(description, { ...options, contextLength, cacheType: 'q8_0' }))
  const otherwise = 'close other programs, or use a smaller or more strongly quantised model'
  const isLess = less < totalOf(needOf(description, options))
  const advice = `With contextLength ${contextLength} and cacheType q8_0 it needs ${megabytes(less)}; or ${otherwise}.`
  const message = `The system refuses the ${inParts(description, options)} that the model needs.`
  const remedy = isLess ? advice : `${otherwise[0].toUpperCase()}${otherwise.slice(1)}.`
  return new EngineError('out-of-memory', message, { remedy, cause })
}

/**
 * Refuses what the machine does not have: many systems promise any memory, and end the process that then uses it. Where
 * nobody knows what there is, as in browsers, nothing is refused.
 * @throws EngineError `out-of-memory` with the numbers
 */
export async function requireMemory(
  need: MemoryNeed,
  description: ModelDescription,
  options: EngineOptions,
): Promise<void> {
  if (availableMemory() === undefined) return
  const most = await machineMemory()
  if (totalOf(need) <= most) return
  const message = `The model needs ${inParts(description, options)}, but this process can have ${megabytes(most)}.`
  throw new EngineError('out-of-memory', message, {
    remedy: 'Use a smaller or more strongly quantised model, or a shorter context.',
  })
}

/** Whole pages up to `wanted`; 0 where not one fits. Needs grow with the length. */
function longestContext(wanted: number, fits: (length: number) => boolean): number {
  let [least, most] = [0, Math.ceil(wanted / PAGE_LENGTH)]
  while (most - least > 1) {
    const middle = (least + most) >> 1
    if (fits(middle * PAGE_LENGTH)) least = middle
    else most = middle
  }
  return least * PAGE_LENGTH
}

function beyondLimit(description: ModelDescription, options: EngineOptions, fitting: number): EngineError {
  const shortest = Math.min(SHORTEST_CONTEXT, description.config.contextLength)
  const isUsable = fitting >= shortest
  const need = inParts(description, isUsable ? options : { ...options, contextLength: shortest })
  const message = `The model needs ${need}, but memoryLimit is ${megabytes(options.memoryLimit ?? 0)}.`
  const remedy = isUsable
    ? `A context of up to ${fitting} tokens fits; or raise memoryLimit.`
    : 'Raise memoryLimit, or use a smaller or more strongly quantised model.'
  return new EngineError('out-of-memory', message, { field: 'memoryLimit', remedy })
}

function noticesOf(asked: EngineOptions, got: EngineOptions, wanted: number): string[] {
  const parts = []
  if (got.contextLength !== wanted) parts.push(`the context has ${got.contextLength} tokens instead of ${wanted}`)
  if ((asked.cacheType ?? DEFAULT_CACHE_TYPE) !== got.cacheType)
    parts.push(`keys and values are kept as ${got.cacheType}`)
  if (parts.length === 0) return []
  const [first, ...rest] = parts.join(', and ')
  return [`${first.toUpperCase()}${rest.join('')}, to stay within ${megabytes(asked.memoryLimit ?? 0)}.`]
}

/** "813 MB (weights 340 MB, a context of 4096 tokens as i16 460 MB, work 13 MB)" */
function inParts(description: ModelDescription, options: EngineOptions): string {
  const { weights, state, activations } = needOf(description, options)
  const tokens = contextLengthOf(description.config, options)
  const context = `a context of ${tokens} tokens as ${options.cacheType ?? DEFAULT_CACHE_TYPE}`
  const parts = `weights ${megabytes(weights)}, ${context} ${megabytes(state)}, work ${megabytes(activations)}`
  return `${megabytes(weights + state + activations)} (${parts})`
}

function needOf(description: ModelDescription, options: EngineOptions): MemoryNeed {
  const backend = backendByName(options.backend ?? 'wasm')
  return backend.measure(description.graph, description.tensors, compileOptions(description, options))
}

function totalOf({ weights, state, activations }: MemoryNeed): number {
  return weights + state + activations
}
