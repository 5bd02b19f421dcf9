import { type CeilingKernel, ceilingKernel, type Limit } from '../backends/wasm/ceilings.ts'
import { EngineError } from '../errors.ts'

/** What one thread can do at most: billions of bytes read, of operations done, in a second. */
export type Ceilings = Partial<Record<Limit, number>>

export interface Gauged {
  readonly ceilings: Ceilings
  /** The part of the time in which the thread really ran, from 0 to 1: others take the rest. */
  readonly undisturbed: number
}

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
  measure(limits: readonly Limit[], milliseconds: number): Gauged {
    const timed = limits.map((limit) => this.#time(limit, milliseconds))
    const sum = (of: (each: Timed) => number) => timed.reduce((total, each) => total + of(each), 0)
    return {
      ceilings: Object.fromEntries(timed.map(({ rate }, i) => [limits[i], rate])),
      undisturbed: Math.min(1, sum(({ calls, call }) => calls * call) / sum(({ elapsed }) => elapsed)),
    }
  }

  #time(limit: Limit, milliseconds: number): Timed {
    const kernel = this.#kernels.get(limit) ?? ceilingKernel(limit, this.#memory)
    this.#kernels.set(limit, kernel)
    const rounds = limit === 'read' ? PIECE / kernel.workOfRound : ROUNDS
    return time(rounds * kernel.workOfRound, milliseconds, () => {
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

interface Timed {
  readonly rate: number
  readonly calls: number
  /** Milliseconds of the median call: one that the system interrupts says nothing of the machine. */
  readonly call: number
  readonly elapsed: number
}

function time(work: number, milliseconds: number, run: () => void): Timed {
  const times: number[] = []
  const start = performance.now()
  let before = start
  while (before - start < milliseconds || times.length < 3) {
    run()
    const after = performance.now()
    times.push(after - before)
    before = after
  }
  const call = times.toSorted((a, b) => a - b)[times.length >> 1]
  return { rate: work / call / 1e6, calls: times.length, call, elapsed: before - start }
}
