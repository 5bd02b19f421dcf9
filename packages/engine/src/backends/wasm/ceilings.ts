import { type DecodableType, isFloat } from '../../weights/element-type.ts'
import { type I32, load, op, sum, type V128, vectorOf, zeroVector } from './emitter/expression.ts'
import { FunctionBuilder } from './emitter/function.ts'
import { ModuleBuilder } from './emitter/module.ts'
import { operandsOf } from './kernels/block-dots.ts'
import type { Operands } from './kernels/operands.ts'
import { blockLayout } from './layout/block-layout.ts'
import { checkKernels } from './self-check.ts'

/**
 * What bounds a kernel: reading memory, multiplying and adding floats, or one of the ways in which small integers meet.
 * Each is a loop in registers of the instructions that the kernels use, and of nothing else.
 */
export type Limit = 'read' | 'float' | Operands

/** What bounds the matrix products of weights of a type. */
export function limitOf(type: DecodableType): Limit {
  return isFloat(type)
    ? 'float'
    : operandsOf(blockLayout(type), checkKernels({ types: [type], cacheTypes: [] }).operands)
}

export interface CeilingKernel {
  /** Bytes or operations of a round; an operation is a multiplication or an addition. */
  readonly workOfRound: number
  /** @param address where it begins to read @param rounds at least 1 */
  run(address: number, rounds: number): void
}

type Round = (value: V128, chain: number, address: I32) => V128

interface Loop {
  /** Independent of one another, so that no instruction waits for the one before. */
  readonly chains: number
  /** Of one chain in one round. */
  readonly work: number
  readonly round: Round
}

const LOOPS: Readonly<Record<Limit, Loop>> = {
  read: {
    chains: 4,
    work: 16,
    round: (value, chain, address) => op('v128.xor', value, load('v128.load', address, 16 * chain)),
  },
  float: {
    chains: 12,
    work: 4,
    round: (value, chain) => {
      return chain % 2 === 0 ? op('f32x4.add', value, vectorOf(1e-6)) : op('f32x4.mul', value, vectorOf(0.9999))
    },
  },
  lanes: {
    chains: 8,
    work: 16,
    round: (value) => op('i32x4.add', value, op('i32x4.dot_i16x8_s', value, value)),
  },
  'seven-bits': {
    chains: 8,
    work: 32,
    round: (value) => op('i16x8.add', value, op('i16x8.relaxed_dot_i8x16_i7x16_s', value, value)),
  },
  bytes: {
    chains: 8,
    work: 32,
    round: (value) => op('i32x4.relaxed_dot_i8x16_i7x16_add_s', value, value, value),
  },
}

/** The loop of a limit on a memory that is not shared; it writes 16 bytes to the place where it ends. */
export function ceilingKernel(limit: Limit, memory: WebAssembly.Memory): CeilingKernel {
  const { chains, work, round } = LOOPS[limit]
  const f = new FunctionBuilder('ceiling')
  const { address, count } = f.parameterList('address', 'count')
  const values = Array.from({ length: chains }, (_, i) => f.let(`value${i}`, load('v128.load', address, 16 * i)))
  f.doWhile(
    () => {
      for (const [chain, value] of values.entries()) f.set(value, round(value, chain, address))
      if (limit === 'read') f.increase(address, 16 * chains)
      f.increase(count, -1)
    },
    op('i32.ne', count, 0),
  )
  // Only because of this is anything computed.
  const total = values.reduce<V128>((a, b) => op('v128.xor', a, b), zeroVector())
  f.store('v128.store', sum(address), 0, total)
  const module = new ModuleBuilder()
  module.add(f)
  const compiled = new WebAssembly.Module(module.assemble({ sharedMemory: false }))
  const { exports } = new WebAssembly.Instance(compiled, { bank: { memory } })
  const run = exports.ceiling as (address: number, rounds: number) => void
  return { workOfRound: chains * work, run }
}
