import { describeMachine, type Machine } from '#machine/machine'
import { availableMemory, machineMemory, swappedMemory } from '#machine/memory'
import { type MeasuredThreads, recallThreads } from '#machine/thread-memory'
import { bestOperands, hasSimd, type Operands } from '../backends/wasm/kernels/operands.ts'
import { checkKernels } from '../backends/wasm/self-check.ts'
import type { Processors } from '../machine/processors.ts'
import { DECODABLE_TYPES } from '../weights/element-type.ts'
import { BYTES_A_THREAD, threadCount } from '../worker/thread-count.ts'

/** What a device offers, as far as it matters to a model. */
export interface Device {
  readonly machine: Machine
  readonly processors: Processors
  readonly threads: {
    /** That a large model gets unless told otherwise. */
    readonly count: number
    /** How many of them write fastest, as measured while a model wrote; undefined where none did of late. */
    readonly writing: MeasuredThreads | undefined
    /** A model gets one for so many bytes of weights. */
    readonly bytesEach: number
    /** Whether memory can be shared between threads; without, there is one. */
    readonly sharedMemory: boolean
  }
  readonly webAssembly: {
    readonly simd: boolean
    readonly relaxedSimd: boolean
    /** How small integers meet: `bytes` is fastest, then `seven-bits`, then `lanes`. */
    readonly operands: Operands
  }
  /** Bytes. */
  readonly memory: {
    /** That the machine has, or that the process is allowed. */
    readonly total: number
    /** That can still be taken, by a model and its conversation. */
    readonly available: number
    readonly swapped: number
  }
  readonly kernels: {
    /** How many compute what they should. */
    readonly right: number
    /** What went wrong with another, in words: simpler ones are used then, or none where `right` is 0. */
    readonly failure: string | undefined
  }
}

/** Looks at the device, and has every kernel compute a small case. For Node. */
export async function examineDevice(): Promise<Device> {
  const { describeProcessors } = await import('../machine/processors.ts')
  const simd = hasSimd()
  const count = threadCount(undefined, Number.POSITIVE_INFINITY)
  const { operands = bestOperands(), ...kernels } = examineKernels()
  const total = await machineMemory()
  const available = Math.min(total, availableMemory() ?? total)
  return {
    machine: describeMachine(),
    processors: describeProcessors(),
    threads: {
      count,
      writing: await recallThreads(count),
      bytesEach: BYTES_A_THREAD,
      sharedMemory: canShareMemory(),
    },
    webAssembly: { simd, relaxedSimd: bestOperands() !== 'lanes', operands },
    memory: { total, available, swapped: await swappedMemory() },
    kernels,
  }
}

function canShareMemory(): boolean {
  try {
    return new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer instanceof SharedArrayBuffer
  } catch {
    return false
  }
}

function examineKernels(): Device['kernels'] & { readonly operands?: Operands } {
  try {
    const { count, failure, operands } = checkKernels({ types: DECODABLE_TYPES })
    return { right: count, failure, operands }
  } catch (error) {
    return { right: 0, failure: error instanceof Error ? error.message : String(error) }
  }
}
