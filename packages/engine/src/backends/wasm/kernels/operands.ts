import { load, op } from '../emitter/expression.ts'
import { FunctionBuilder } from '../emitter/function.ts'
import { ModuleBuilder } from '../emitter/module.ts'

/**
 * How small integers meet in a dot product. All give the same sums; they differ in what they need of the machine.
 *
 * - `lanes`: as pairs of 16 bits; any WebAssembly with SIMD.
 * - `seven-bits`: as bytes, relaxed SIMD: weights from 0 to 127, products of two added up in 16 bits.
 * - `bytes`: as bytes where the machine takes all 8 bits of a weight as a number from 0 to 255, and adds up four products in
 *   32 bits at once (x86 with VNNI).
 */
export type Operands = 'lanes' | 'seven-bits' | 'bytes'

/** The fastest first. */
export const OPERANDS: readonly Operands[] = ['bytes', 'seven-bits', 'lanes']

/** What kernels for blocks of small integers are emitted for. */
export interface Machine {
  readonly operands: Operands
  /** See `needsFences`. */
  readonly fenced: boolean
}

let known: Operands | undefined

/** What the machine and its WebAssembly can do best. */
export function bestOperands(): Operands {
  known ??= probe()
  return known
}

/** Whether this engine has SIMD, which every kernel needs. */
export function hasSimd(): boolean {
  const f = new FunctionBuilder('probe')
  const { address } = f.parameterList('address')
  f.store('v128.store', address, 0, load('v128.load', address, 0))
  const module = new ModuleBuilder()
  module.add(f)
  return WebAssembly.validate(module.assemble({ sharedMemory: false }))
}

/** 127 times 200 in each of four columns: what comes tells how the machine takes the 200, whose highest bit is set. */
function probe(): Operands {
  const f = new FunctionBuilder('probe')
  const { address } = f.parameterList('address')
  const [left, right] = [op('i8x16.splat', 127), op('i8x16.splat', 200)]
  const dot = op('i32x4.relaxed_dot_i8x16_i7x16_add_s', left, right, load('v128.load', address, 16))
  f.store('v128.store', address, 0, dot)
  const module = new ModuleBuilder()
  module.add(f)
  const bytes = module.assemble({ sharedMemory: false })
  if (!WebAssembly.validate(bytes)) return 'lanes'
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 })
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { bank: { memory } })
  if (typeof exports.probe === 'function') exports.probe(0)
  return new Int32Array(memory.buffer)[0] === 4 * 127 * 200 ? 'bytes' : 'seven-bits'
}

/** A module with a memory of 64-bit addresses. */
const MEMORY64 = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 3, 1, 4, 1)

/**
 * Whether long runs of code are to be cut by branches that are always taken. The compilers of V8 up to 12 (Node 22) put all
 * loads of a run first and what is computed from them last, so that nearly everything goes over the stack. Memories of 64-bit
 * addresses came to V8 after the compiler that keeps the order.
 */
export function needsFences(): boolean {
  return !WebAssembly.validate(MEMORY64)
}
