import type { DecodableType } from '../../../weights/element-type.ts'
import { type F32, type I32, load, op, sum } from '../emitter/expression.ts'
import { FunctionBuilder, type Local } from '../emitter/function.ts'
import {
  BLOCK_COLUMNS,
  BLOCKS_PER_HEAD,
  type BlockLayout,
  blockLayout,
  PAIR_OF_FACTORS,
  QUAD,
} from '../layout/block-layout.ts'
import { Codes } from './codes.ts'
import { halfAt } from './half.ts'
import { scaleOfRow } from './scales.ts'

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
export function embeddingKernel(type: DecodableType): FunctionBuilder {
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

function emitRow(type: DecodableType, row: Row): void {
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
    default:
      emitBlocks(blockLayout(type), row)
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

function emitBlocks(layout: BlockLayout, row: Row): void {
  const { f, source, target, end } = row
  const codes = new Codes(f, layout)
  const head = f.let('head', source)
  const block = f.local('block', 'i32')
  f.set(block, 0)
  f.forRange(target, end, 4 * BLOCK_COLUMNS, () => {
    if (layout.head) {
      const { bytes } = layout.head
      f.if(op('i32.eqz', op('i32.and', block, BLOCKS_PER_HEAD - 1)), () => {
        f.set(head, source)
        f.set(block, 0)
        f.increase(source, bytes)
      })
    }
    emitBlock(layout, codes, row, head, block)
    f.increase(source, layout.blockBytes)
    f.increase(block, 1)
  })
}

/** @param block its number behind the head */
function emitBlock(layout: BlockLayout, codes: Codes, row: Row, head: I32, block: I32): void {
  const { f, source, target, place } = row
  const { format, scales } = layout
  const quads = f.let('quads', sum(source, op('i32.mul', place, QUAD)))
  const scale = f.local('scale', 'f32')
  const minimum = f.local('minimum', 'f32')
  for (let k = 0; k < BLOCK_COLUMNS; k++) {
    const s = Math.floor(k / format.subBlock)
    if (k % format.subBlock === 0) {
      if (layout.head) {
        const { minimumFactors, d, dmin } = layout.head
        const subBlock = op('i32.add', op('i32.mul', block, BLOCK_COLUMNS / format.subBlock), s)
        f.set(scale, timesFactor(head, 0, d, place, subBlock))
        if (format.minimum) f.set(minimum, timesFactor(head, minimumFactors, dmin, place, subBlock))
      } else if (scales) {
        const at = s * scales.subBlockBytes
        f.set(scale, scaleOfRow(format, source, scales.start + at, place))
        if (format.minimum) f.set(minimum, scaleOfRow(format, source, scales.minimums + at, place))
      }
    }
    const product = op('f32.mul', scale, codes.value(quads, k))
    f.store('f32.store', target, 4 * k, format.minimum ? op('f32.sub', product, minimum) : product)
  }
}

/** A float of a head times the factor of a sub-block; see `factorOffset`. */
function timesFactor(head: I32, factors: number, floats: number, place: I32, subBlock: I32): F32 {
  const pair = op('i32.mul', op('i32.shr_u', subBlock, 1), PAIR_OF_FACTORS)
  const member = op('i32.xor', op('i32.and', subBlock, 1), 1)
  const factor = load('i32.load8_s', sum(head, pair, op('i32.mul', place, 2), member), factors)
  const float = load('f32.load', sum(head, op('i32.mul', place, 4)), floats)
  return op('f32.mul', op('f32.convert_i32_s', factor), float)
}
