import { type CeilingKernel, ceilingKernel, type Limit } from '../backends/wasm/ceilings.ts'
import { EngineError } from '../errors.ts'

/** What one thread can do at most: billions of bytes read, of operations done, in a second. */
export type Ceilings = Partial<Record<Limit, number>>

/** More than caches hold. */
const BYTES = 2 ** 27
const PIECE = 2 ** 20
const ROUNDS = 20_000
const MARGIN = 65_536

/** Measures the ceilings of the thread it is in, as often as it is asked to. */
export class CeilingGauge {
  readonly #memory = allocate()
  readonly #kernels = new Map<Limit, CeilingKernel>()
  #place = 0

  /** @throws EngineError `out-of-memory` */
  constructor() {
    // Pages that nobody has written are all the same one.
    new Float32Array(this.#memory.buffer).fill(0.5)
  }

  /** @param milliseconds for each */
  measure(limits: readonly Limit[], milliseconds: number): Ceilings {
    return Object.fromEntries(limits.map((limit) => [limit, this.#measure(limit, milliseconds)]))
  }

  #measure(limit: Limit, milliseconds: number): number {
    const kernel = this.#kernels.get(limit) ?? ceilingKernel(limit, this.#memory)
    this.#kernels.set(limit, kernel)
    const rounds = limit === 'read' ? PIECE / kernel.workOfRound : ROUNDS
    return rate(rounds * kernel.workOfRound, milliseconds, () => {
      this.#place = (this.#place + PIECE) % BYTES
      kernel.run(this.#place, rounds)
    })
  }
}

function allocate(): WebAssembly.Memory {
  try {
    const pages = (BYTES + MARGIN) / 65_536
    return new WebAssembly.Memory({ initial: pages, maximum: pages })
  } catch (cause) {
    throw new EngineError('out-of-memory', 'There is no memory left in which to measure how fast memory is.', { cause })
  }
}

/** The median of calls: a call that the system interrupts says nothing of the machine. */
function rate(work: number, milliseconds: number, run: () => void): number {
  const times: number[] = []
  for (const start = performance.now(); performance.now() - start < milliseconds || times.length < 3; ) {
    const before = performance.now()
    run()
    times.push(performance.now() - before)
  }
  times.sort((a, b) => a - b)
  return work / times[times.length >> 1] / 1e6
}
