import type { RunnableType } from '../../../weights/element-type.ts'
import { type F32, type I32, load, op, sum } from '../emitter/expression.ts'
import { FunctionBuilder, type Local } from '../emitter/function.ts'
import { HALF_FACTOR } from './half.ts'

interface Row {
  readonly f: FunctionBuilder
  /** Address of the row's first element inside its group. */
  readonly source: Local<'i32'>
  readonly target: Local<'i32'>
  /** Address behind the last float of the output. */
  readonly end: Local<'i32'>
  /** 0 to 7: the row's place in its group. */
  readonly place: Local<'i32'>
}

/**
 * Emits `embedding_TYPE`: output[t] = table[ids[t]] as floats, for rows t in [from, to), from a table in the layout of
 * the linear kernels (see linear-*.ts), so that a table can serve both ends of a model.
 */
export function embeddingKernel(type: RunnableType): FunctionBuilder {
  const f = new FunctionBuilder(`embedding_${type}`)
  const { table, groupBytes, columns, ids, output, outputStride, from, to } = f.parameterList(
    'table',
    'groupBytes',
    'columns',
    'ids',
    'output',
    'outputStride',
    'from',
    'to',
  )
  const row = f.let('row', from)
  const id = f.local('id', 'i32')
  const place = f.local('place', 'i32')
  const source = f.local('source', 'i32')
  const target = f.local('target', 'i32')
  const end = f.local('end', 'i32')
  f.forRange(row, to, 1, () => {
    f.set(id, load('i32.load', sum(ids, op('i32.mul', row, 4))))
    f.set(place, op('i32.and', id, 7))
    f.set(source, sum(table, op('i32.mul', op('i32.shr_u', id, 3), groupBytes)))
    f.set(target, sum(output, op('i32.mul', row, outputStride)))
    f.set(end, sum(target, op('i32.mul', columns, 4)))
    emitRow(type, { f, source, target, end, place })
  })
  return f
}

function emitRow(type: RunnableType, row: Row): void {
  const times = (factor: number): I32 => op('i32.mul', row.place, factor)
  switch (type) {
    case 'F32':
      emitColumns(row, times(4), 32, (at) => load('f32.load', at))
      break
    case 'F16':
      emitColumns(row, times(2), 16, (at) => halfAt(at, 0))
      break
    case 'BF16':
      emitColumns(row, times(2), 16, (at) => {
        return op('f32.reinterpret_i32', op('i32.shl', load('i32.load16_u', at), 16))
      })
      break
    case 'Q8_0':
      emitQ8Blocks(row)
      break
    case 'Q4_0':
      emitQ4Blocks(row)
  }
}

/** Elements of a float type follow each other at `step` bytes. */
function emitColumns({ f, source, target, end }: Row, start: I32, step: number, element: (at: I32) => F32): void {
  f.increase(source, start)
  f.forRange(target, end, 4, () => {
    f.store('f32.store', target, 0, element(source))
    f.increase(source, step)
  })
}

function emitQ8Blocks({ f, source, target, end, place }: Row): void {
  const twice = f.let('twice', op('i32.mul', place, 2))
  const scale = f.local('scale', 'f32')
  const quants = f.local('quants', 'i32')
  f.forRange(target, end, 128, () => {
    f.set(quants, sum(source, twice))
    f.set(scale, halfAt(quants, 256))
    for (let k = 0; k < 32; k++) {
      const quant = load('i32.load8_s', quants, (k >> 1) * 16 + (k & 1))
      f.store('f32.store', target, 4 * k, op('f32.mul', scale, op('f32.convert_i32_s', quant)))
    }
    f.increase(source, 272)
  })
}

function emitQ4Blocks({ f, source, target, end, place }: Row): void {
  const scale = f.local('scale', 'f32')
  const quants = f.local('quants', 'i32')
  const pair = f.local('pair', 'i32')
  const value = (nibble: I32): F32 => op('f32.mul', scale, op('f32.convert_i32_s', op('i32.sub', nibble, 8)))
  f.forRange(target, end, 128, () => {
    f.set(scale, halfAt(sum(source, op('i32.mul', place, 2)), 128))
    f.set(quants, sum(source, op('i32.mul', place, 4)))
    for (let k = 0; k < 16; k++) {
      f.set(pair, load('i32.load8_u', quants, (k >> 2) * 32 + (k & 1) * 2 + ((k >> 1) & 1)))
      f.store('f32.store', target, 4 * k, value(op('i32.and', pair, 15)))
      f.store('f32.store', target, 4 * k + 64, value(op('i32.shr_u', pair, 4)))
    }
    f.increase(source, 144)
  })
}

/** The half at an address, as in half.ts. */
function halfAt(address: I32, offset: number): F32 {
  const moved = op('i32.and', op('i32.shl', load('i32.load16_s', address, offset), 13), 0x8fff_e000 | 0)
  return op('f32.mul', op('f32.reinterpret_i32', moved), HALF_FACTOR)
}
