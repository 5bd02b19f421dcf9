import type { AdapterInfo } from '../worker/types.ts'
import type { EngineThread } from './engine-thread.ts'

/**
 * An adapter that is attached to a model. A change takes effect at the next call; it is refused with LajuError `busy`
 * while the model is computing.
 */
export class Adapter {
  readonly info: AdapterInfo
  readonly #thread: EngineThread
  readonly #number: number
  readonly #onDetach: (adapter: Adapter) => void
  #scale: number

  constructor(
    thread: EngineThread,
    { number, info, scale }: { number: number; info: AdapterInfo; scale: number },
    onDetach: (adapter: Adapter) => void,
  ) {
    this.info = info
    this.#thread = thread
    this.#number = number
    this.#scale = scale
    this.#onDetach = onDetach
  }

  get scale(): number {
    return this.#scale
  }

  /** 1 is what it was made for, 0 switches it off. @throws OptionError, LajuError `busy`, `disposed` once detached */
  async setScale(scale: number): Promise<void> {
    await this.#thread.call('scale', { adapter: this.#number, scale })
    this.#scale = scale
  }

  /** Takes it out: the model is as before, to the bit. Twice is fine. @throws LajuError `busy` */
  async detach(): Promise<void> {
    await this.#thread.call('detach', { adapter: this.#number })
    this.#onDetach(this)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.detach()
  }
}
