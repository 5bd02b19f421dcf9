import type { Setting, Speed } from '../speed.ts'

export interface LajuPage extends Omit<Setting, 'file'> {
  /** Of the model. */
  readonly url: string
}

/** In a page: the engine as it is shipped. */
export default async function ({ url, ...options }: LajuPage): Promise<Speed> {
  const path = '/engine/index.js'
  const { benchmark } = (await import(path)) as typeof import('@laju/engine')
  const { prefill, decode } = await benchmark(url, { ...options, repetitions: 1 })
  return { prefill: prefill.median, decode: decode.median }
}
