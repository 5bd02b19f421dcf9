import { describe as describeModel, type ModelDescription } from '../architectures/describe.ts'
import { fitAdapter } from '../architectures/fit-adapter.ts'
import {
  type Attachment,
  type Backend,
  type CompiledModel,
  type CompileOptions,
  PAGE_LENGTH,
} from '../backends/backend.ts'
import type { KeyValueSequence } from '../cache/kv.ts'
import { KeyValueCache } from '../cache/kv-cache.ts'
import { Generator } from '../generate/generate.ts'
import { openAdapter } from '../hub/open-adapter.ts'
import { openCheckpoint } from '../hub/open-checkpoint.ts'

interface HarnessOptions extends Partial<Omit<CompileOptions, 'maxRows'>> {}

/** A checkpoint on a backend without worker, tokenizer or sampling: what the model suite drives. */
export class Harness {
  readonly cache: KeyValueCache
  readonly vocabulary: number
  readonly notices: readonly string[]
  readonly #description: ModelDescription
  readonly #model: CompiledModel
  readonly #generator: Generator

  private constructor(description: ModelDescription, model: CompiledModel, cache: KeyValueCache, generator: Generator) {
    this.cache = cache
    this.vocabulary = description.config.vocabulary
    this.notices = model.notices
    this.#description = description
    this.#model = model
    this.#generator = generator
  }

  static async load(
    path: string,
    backend: Backend,
    { maxTokens = 64, pages = 32, cacheType = 'f32', threads = 1, bankBytes }: HarnessOptions = {},
  ): Promise<Harness> {
    const checkpoint = await openCheckpoint(path)
    const description = await describeModel(checkpoint)
    const { graph, tensors } = description
    const limits = { maxTokens, maxRows: 16, threads, ...(bankBytes === undefined ? {} : { bankBytes }) }
    const model = backend.compile(graph, tensors, { ...limits, pages, cacheType })
    await model.load(tensors)
    await checkpoint.close()
    const cache = new KeyValueCache(pages, (from, to, tokens) => model.copyPage(from, to, tokens))
    return new Harness(description, model, cache, new Generator(model, cache, limits))
  }

  /** Sequences that were computed before keep what they have. */
  async attach(path: string, scale = 1): Promise<Attachment> {
    const adapter = await openAdapter(path)
    try {
      return this.#model.attach(await fitAdapter(adapter, this.#description), scale)
    } finally {
      await adapter.close()
    }
  }

  /** Logits [ids.length, vocabulary] of tokens that follow the sequence's first `kept`. */
  async forward(ids: ArrayLike<number>, sequence: KeyValueSequence, kept = sequence.length): Promise<Float32Array> {
    const rows: Float32Array[] = []
    const all = [...sequence.tokens.slice(0, kept), ...Array.from(ids)]
    sequence.truncate(kept)
    await this.#generator.run({
      sequence,
      ids: Int32Array.from(all),
      maxLength: all.length,
      outputs: 'all',
      accept(logits) {
        rows.push(logits.slice())
        return undefined
      },
    })
    return concatenate(rows)
  }

  /** The `count` most likely tokens after a prompt, one by one. */
  async greedy(prompt: ArrayLike<number>, count: number): Promise<number[]> {
    const ids: number[] = []
    await this.#generator.run({
      sequence: this.cache.create(),
      ids: Int32Array.from(prompt),
      maxLength: prompt.length + count,
      outputs: 'last',
      accept(logits) {
        const best = logits.indexOf(logits.reduce((a, b) => Math.max(a, b)))
        ids.push(best)
        return ids.length < count ? [best] : undefined
      },
    })
    return ids
  }

  dispose(): void {
    this.#model.dispose()
  }
}

/** PAGE_LENGTH tokens and a few, so that sequences cross a page border. */
export const LONGER_THAN_A_PAGE = PAGE_LENGTH + 7

/** The parts one after another. */
export function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** max |a - b|; NaN when any difference is NaN. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} and ${b.length} numbers cannot be compared`)
  let largest = 0
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i])
    if (!(difference <= largest)) largest = difference
  }
  return largest
}
