import { type LoadOptions, load, type Model } from '../index.ts'

export type Progress = (part: number) => void

/** A model that is loaded for the first session and lives as long as there is one. */
export class SharedModel {
  readonly #load: (onProgress: Progress, signal: AbortSignal) => Promise<Model>
  readonly #watchers = new Set<Progress>()
  #loading: Promise<Model> | undefined
  #stop = new AbortController()
  #isLoaded = false
  #users = 0

  /** @param reference and options as for `load` */
  constructor(reference: Parameters<typeof load>[0], options: LoadOptions) {
    this.#load = (onProgress, signal) => load(reference, { ...options, signal, onProgress: partsOf(onProgress) })
  }

  get state(): 'none' | 'loading' | 'loaded' {
    if (this.#loading === undefined) return 'none'
    return this.#isLoaded ? 'loaded' : 'loading'
  }

  /** Each user releases it once; who is aborted is none. */
  async acquire(onProgress: Progress, signal?: AbortSignal): Promise<Model> {
    signal?.throwIfAborted()
    this.#users++
    this.#watchers.add(onProgress)
    try {
      return await unlessAborted(this.#begin(), signal)
    } catch (error) {
      this.release()
      throw error
    } finally {
      this.#watchers.delete(onProgress)
    }
  }

  /** For one more user of a model that is loaded. */
  retain(): void {
    this.#users++
  }

  release(): void {
    this.#users--
    if (this.#users > 0) return
    this.#stop.abort()
    void this.#loading?.then((model) => model.dispose()).catch(() => {})
    this.#loading = undefined
  }

  #begin(): Promise<Model> {
    if (this.#loading) return this.#loading
    this.#stop = new AbortController()
    this.#isLoaded = false
    const tell: Progress = (part) => {
      for (const watcher of this.#watchers) watcher(part)
    }
    const loading = this.#load(tell, this.#stop.signal)
    this.#loading = loading
    loading.then(
      () => {
        this.#isLoaded = true
      },
      () => {
        if (this.#loading === loading) this.#loading = undefined
      },
    )
    return loading
  }
}

/** Downloading is most of the way, where there is any; what was said never goes back. */
function partsOf(onProgress: Progress): LoadOptions['onProgress'] {
  let most = 0
  let downloads = false
  return ({ stage, loaded, total }) => {
    if (stage !== 'load') downloads = true
    const part = total > 0 ? loaded / total : 0
    const whole = !downloads ? part : stage === 'load' ? 0.95 + 0.05 * part : 0.95 * part
    most = Math.max(most, Math.min(whole, 1))
    onProgress(most)
  }
}

async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (!signal) return work
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
