import type { ModelDescription } from '../architectures/describe.ts'
import { fitAdapter } from '../architectures/fit-adapter.ts'
import type { Attachment, CompiledModel } from '../backends/backend.ts'
import { LajuError, OptionError, throwIfAborted } from '../errors.ts'
import { openAdapter } from '../hub/open-adapter.ts'
import { adapterInfo } from './adapter-info.ts'
import type { Origin } from './conversation-file.ts'
import { adapterFingerprint } from './fingerprint.ts'
import type { AttachRequest } from './messages.ts'
import type { AdapterInfo } from './types.ts'

/** What the engine lets adapters do. */
interface Changes {
  /** @throws LajuError `busy` while anything is being computed */
  requireIdle(): Promise<void>
  /** Makes a change when nothing is being computed, and has computed tokens forgotten. @throws LajuError `busy` */
  change<Result>(change: () => Result): Promise<Result>
}

interface Attached {
  readonly attachment: Attachment
  readonly name: string
  readonly fingerprint: string
  scale: number
}

/** The adapters of a loaded model, by numbers that the caller gives them. */
export class Adapters {
  readonly #model: CompiledModel
  readonly #description: ModelDescription
  readonly #changes: Changes
  readonly #attached = new Map<number, Attached>()

  constructor(model: CompiledModel, description: ModelDescription, changes: Changes) {
    this.#model = model
    this.#description = description
    this.#changes = changes
  }

  /** Those at work now, in the order in which they were attached. */
  get attached(): Origin['adapters'] {
    return [...this.#attached.values()].map(({ name, fingerprint, scale }) => ({ name, fingerprint, scale }))
  }

  /**
   * Adds an adapter's updates to the model's weights, for all that follows.
   * @throws CheckpointError `adapter-mismatch`, `unsupported-adapter` and as `openAdapter`; EngineError `out-of-memory`;
   *   OptionError; LajuError `busy`; AbortError
   */
  async attach({ path, adapter, scale }: AttachRequest, signal?: AbortSignal): Promise<AdapterInfo> {
    checkScale(scale)
    // At once, rather than after reading the adapter.
    await this.#changes.requireIdle()
    const file = await openAdapter(path, signal)
    try {
      const updates = await fitAdapter(file, this.#description, signal)
      const info = adapterInfo(file)
      const fingerprint = await adapterFingerprint(updates)
      await this.#changes.change(() => {
        throwIfAborted(signal)
        const attachment = this.#model.attach(updates, scale)
        this.#attached.set(adapter, { attachment, name: info.name, fingerprint, scale })
      })
      return info
    } finally {
      await file.close()
    }
  }

  /** @throws OptionError; LajuError `busy`, `disposed` for an adapter that has been detached */
  async scale(adapter: number, scale: number): Promise<undefined> {
    checkScale(scale)
    const attached = this.#attached.get(adapter)
    if (!attached) throw new LajuError('disposed', 'The adapter has been detached.', { remedy: 'Attach it again.' })
    await this.#changes.change(() => {
      attached.attachment.setScale(scale)
      attached.scale = scale
    })
  }

  /** Twice is fine. @throws LajuError `busy` */
  async detach(adapter: number): Promise<undefined> {
    const attached = this.#attached.get(adapter)
    if (!attached) return
    await this.#changes.change(() => {
      attached.attachment.detach()
      this.#attached.delete(adapter)
    })
  }
}

function checkScale(scale: number): void {
  if (Number.isFinite(scale)) return
  const remedy = '1 is what the adapter was made for.'
  throw new OptionError('scale', `The scale of an adapter must be a finite number, not ${scale}.`, remedy)
}
