import { describe } from '../packages/engine/src/architectures/describe.ts'
import type { CompiledModel } from '../packages/engine/src/backends/backend.ts'
import { wasmBackend } from '../packages/engine/src/backends/wasm/backend.ts'
import { KeyValueCache } from '../packages/engine/src/cache/kv-cache.ts'
import { Generator } from '../packages/engine/src/generate/generate.ts'
import { openCheckpoint } from '../packages/engine/src/hub/open-checkpoint.ts'

const PAGES = 40
const LIMITS = { maxTokens: 64, maxRows: 16 }

export interface Written {
  readonly tokensPerSecond: number
  readonly steps: number
  readonly guessed: number
}

/** A model that writes what it is given: it computes every step, counts steps and guesses, and nothing is drawn. */
export class GivenReplies {
  readonly #model: CompiledModel
  readonly #generator: Generator
  readonly #cache: KeyValueCache
  #steps = 0
  #guessed = 0

  private constructor(model: CompiledModel) {
    this.#model = model
    this.#cache = new KeyValueCache(PAGES, (from, to, tokens) => model.copyPage(from, to, tokens))
    const step = model.step.bind(model)
    model.step = (batch) => {
      this.#steps++
      this.#guessed += Math.max(0, batch.outputRows.length - 1)
      return step(batch)
    }
    this.#generator = new Generator(model, this.#cache, LIMITS)
  }

  static async load(file: string, threads: number): Promise<GivenReplies> {
    const checkpoint = await openCheckpoint(file)
    const { graph, tensors } = await describe(checkpoint)
    const model = wasmBackend.compile(graph, tensors, { ...LIMITS, pages: PAGES, cacheType: 'f16', threads })
    await model.load(tensors)
    await checkpoint.close()
    return new GivenReplies(model)
  }

  dispose(): void {
    this.#model.dispose()
  }

  /** A function that writes a reply once; the prompt is computed the first time only. */
  ready(prompt: Int32Array, reply: Int32Array): (speculates: boolean) => Promise<Written> {
    const sequence = this.#cache.create()
    return async (speculates) => {
      let written = 0
      let started = 0
      await this.#generator.run({
        sequence,
        ids: prompt,
        maxLength: prompt.length + reply.length,
        outputs: 'last',
        speculates,
        accept: () => {
          if (written === 0) {
            started = performance.now()
            this.#steps = 0
            this.#guessed = 0
          }
          const id = reply[written++]
          return id === undefined || written === reply.length ? undefined : [id]
        },
      })
      const milliseconds = performance.now() - started
      return { tokensPerSecond: (1000 * (written - 1)) / milliseconds, steps: this.#steps, guessed: this.#guessed }
    }
  }
}
