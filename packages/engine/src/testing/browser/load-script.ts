import { inspect, type LajuError, listDownloads, load, removeDownloads, type SourceOptions } from '../../index.ts'

/** A model of the size of nano answers in the same words, wherever it runs. */
export const QUESTION = 'What is 347 + 285?'

export interface LoadRequest {
  readonly name: string
  readonly options: SourceOptions
  /** `abort`: as soon as something has arrived; `forget`: remove what is stored. */
  readonly action: 'load' | 'inspect' | 'abort' | 'forget'
}

export interface LoadOutcome {
  /** What the model calls itself, or the code of an error. */
  readonly name: string
  /** What it answers. */
  readonly text?: string
  readonly stages?: readonly string[]
  /** Bytes that would have to be downloaded. */
  readonly download?: number
  /** What is stored afterwards. */
  readonly stored: readonly string[]
}

/** Loads a model by its name in a page, or does something else with it. */
export default async function ({ name, options, action }: LoadRequest): Promise<LoadOutcome> {
  const outcome = await OUTCOMES[action](name, options)
  return { ...outcome, stored: (await listDownloads()).map((download) => download.name).sort() }
}

const OUTCOMES = {
  async load(name: string, options: SourceOptions) {
    const stages = new Set<string>()
    await using model = await load(name, { ...options, onProgress: ({ stage }) => stages.add(stage) })
    const { text } = await model.ask(QUESTION, { temperature: 0 })
    return { name: model.info.name, text, stages: [...stages] }
  },
  async inspect(name: string, options: SourceOptions) {
    const info = await inspect(name, options)
    return { name: info.name, download: info.download }
  },
  async abort(name: string, options: SourceOptions) {
    const controller = new AbortController()
    const onProgress = ({ loaded }: { loaded: number }) => loaded > 0 && controller.abort()
    return load(name, {
      ...options,
      signal: controller.signal,
      onProgress: (progress) => void onProgress(progress),
    }).then(
      ({ info }) => ({ name: info.name }),
      (error: LajuError) => ({ name: error.code }),
    )
  },
  async forget(name: string) {
    await removeDownloads(name)
    return { name }
  },
}
