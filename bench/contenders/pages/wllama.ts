import type { Speed } from '../speed.ts'

export interface WllamaPage {
  /** Of the model. */
  readonly url: string
  readonly threads: number
  readonly prompt: number
  readonly generate: number
}

/** A byte that is a letter or sign, in vocabularies that begin with the bytes. */
const ONE_TOKEN = 64

/** What is used here of a package that is no dependency of ours. */
interface Wllama {
  loadModel(blobs: readonly Blob[], options: object): Promise<void>
  createCompletion(
    request: object,
  ): Promise<{ timings?: { prompt_n: number; prompt_ms: number; predicted_n: number; predicted_ms: number } }>
}

/** In a page: wllama as it is published, without WebGPU, which there is none of here. It measures itself. */
export default async function ({ url, threads, prompt, generate }: WllamaPage): Promise<Speed> {
  const path = '/wllama/index.js'
  const { Wllama } = (await import(path)) as { Wllama: new (paths: object, options: object) => Wllama }
  const wllama = new Wllama({ default: `${location.origin}/wllama/wllama.wasm` }, { suppressNativeLog: true })
  const model = await (await fetch(url)).blob()
  await wllama.loadModel([model], { n_ctx: prompt + generate + 64, n_threads: threads, n_gpu_layers: 0 })
  // A word is a token or two of any vocabulary; what counts is what it says it has read.
  const words = (first: number, count: number) => Array.from({ length: count }, (_, i) => `${first + i}`).join(' ')
  const measure = async (first: number, read: number, written: number) => {
    // Always the same token: what random weights would write is often no text, at which wllama fails.
    const logit_bias = { [ONE_TOKEN]: 100 }
    const request = { prompt: words(first, read), max_tokens: written, temperature: 0, ignore_eos: true, logit_bias }
    const { timings } = await wllama.createCompletion(request)
    if (timings === undefined) throw new Error('wllama does not say how long it took.')
    return timings
  }
  await measure(1, 8, 4)
  const reading = await measure(100, Math.ceil(prompt / 4), 1)
  const writing = await measure(900, 2, generate)
  return {
    prefill: (1000 * reading.prompt_n) / reading.prompt_ms,
    decode: (1000 * writing.predicted_n) / writing.predicted_ms,
  }
}
