import { EngineError } from '../../errors.ts'
import { megabytes } from '../../machine/megabytes.ts'
import type { DecodableType } from '../../weights/element-type.ts'
import { CACHE_TYPES, type CacheType } from '../backend.ts'
import { type Kernel, kernelModule } from './kernels/kernels.ts'
import { bestOperands, needsFences, type Operands } from './kernels/operands.ts'
import type { Rounding } from './layout/geometry.ts'

const WASM_PAGE_BYTES = 65_536
/** Just under what 32-bit addresses reach: no engine refuses so much, and what lies behind the end has an address, too. */
export const LARGEST_BANK = 2 ** 32 - 2 ** 20

export type KernelName =
  | `linear_${DecodableType}`
  | `embedding_${DecodableType}`
  | `append_${CacheType}`
  | `attention_${CacheType}`
  | 'join_runs'
  | `quantize_${Rounding}`
  | 'normalize'
  | 'rotate_half'
  | 'rotate_interleaved'
  | 'gated_silu'
  | 'add'
  | 'add_bias'
  | 'select_rows'
  | 'weighted_sum'

/** One memory and one instance of the kernels. */
export interface Bank {
  readonly memory: WebAssembly.Memory
  readonly module: WebAssembly.Module
  readonly kernel: (name: KernelName) => Kernel
}

export interface BankOptions {
  /** Types of weights that the kernels are to read. */
  readonly types?: Iterable<DecodableType>
  /** Types of keys and values; default all. */
  readonly cacheTypes?: Iterable<CacheType>
  /** For banks that several threads work on. */
  readonly shared?: boolean
  /** Default the best that this machine has. */
  readonly operands?: Operands
}

/** Compiled once per kind of memory, set of types and kind of operands. */
const MODULES = new Map<string, WebAssembly.Module>()

/**
 * Allocates a bank of exactly so many bytes; it never grows, and pages nobody writes cost nothing.
 * @throws EngineError `out-of-memory`
 */
export function createBank(bytes: number, options: BankOptions = {}): Bank {
  return createBanks([bytes], options)[0]
}

/**
 * Allocates banks of exactly so many bytes each, with the same kernels.
 * @throws EngineError `out-of-memory`
 */
export function createBanks(sizes: readonly number[], options: BankOptions = {}): Bank[] {
  const total = sizes.reduce((sum, bytes) => sum + bytes, 0)
  const memories = sizes.map((bytes) => allocate(bytes, options.shared ?? false, total))
  const module = moduleFor(options)
  return memories.map((memory) => openBank(memory, module))
}

/** An instance of the kernels for a memory: each thread that works on it has its own. */
export function openBank(memory: WebAssembly.Memory, module: WebAssembly.Module): Bank {
  const instance = new WebAssembly.Instance(module, { bank: { memory } })
  return {
    memory,
    module,
    kernel: (name) => {
      const kernel = instance.exports[name]
      if (typeof kernel !== 'function') throw new EngineError('kernel-failed', `There is no kernel ${name}.`)
      return kernel as Kernel
    },
  }
}

function allocate(bytes: number, shared: boolean, total: number): WebAssembly.Memory {
  if (bytes > LARGEST_BANK) {
    const message = `${megabytes(bytes)} are needed in one memory, which holds at most ${megabytes(LARGEST_BANK)}.`
    throw new EngineError('out-of-memory', message, { remedy: 'Use a smaller model or adapter, or a shorter context.' })
  }
  const pages = Math.ceil(bytes / WASM_PAGE_BYTES)
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared })
  } catch (cause) {
    throw new EngineError('out-of-memory', `The system refuses the ${megabytes(total)} that the model needs.`, {
      remedy: 'Close other programs, or use a smaller model or a shorter context.',
      cause,
    })
  }
}

function moduleFor({
  types = [],
  cacheTypes = CACHE_TYPES,
  shared = false,
  operands = bestOperands(),
}: BankOptions): WebAssembly.Module {
  const key = `${[...types].sort().join()} ${[...cacheTypes].sort().join()} ${shared} ${operands}`
  const set = { types, cacheTypes, operands, fenced: needsFences() }
  const module = MODULES.get(key) ?? new WebAssembly.Module(kernelModule(set).assemble({ sharedMemory: shared }))
  MODULES.set(key, module)
  return module
}
