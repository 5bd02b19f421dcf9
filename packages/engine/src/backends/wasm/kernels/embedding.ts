import type { DecodableType } from '../../../weights/element-type.ts'
import { type F32, type I32, load, op, sum } from '../emitter/expression.ts'
import { FunctionBuilder, type Local } from '../emitter/function.ts'
import {
  BLOCK_COLUMNS,
  BLOCKS_PER_HEAD,
  type BlockLayout,
  blockLayout,
  MINIMUMS_IN_HEAD,
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

function emitBlocks(layout: BlockLayout, { f, source, target, end, place }: Row): void {
  const codes = new Codes(f, layout)
  const head = f.let('head', source)
  const left = f.local('left', 'i32')
  f.set(left, 0)
  f.forRange(target, end, 4 * BLOCK_COLUMNS, () => {
    if (layout.headBytes > 0) {
      f.if(op('i32.eqz', left), () => {
        f.set(head, source)
        f.increase(source, layout.headBytes)
        f.set(left, BLOCKS_PER_HEAD)
      })
      f.increase(left, -1)
    }
    emitBlock(layout, codes, { f, source, target, end, place }, head)
    f.increase(source, layout.blockBytes)
  })
}

function emitBlock(layout: BlockLayout, codes: Codes, { f, source, target, place }: Row, head: I32): void {
  const { format, scales, scaleBytes, minimums } = layout
  const quads = f.let('quads', sum(source, op('i32.mul', place, QUAD)))
  const scale = f.local('scale', 'f32')
  const minimum = f.local('minimum', 'f32')
  for (let k = 0; k < BLOCK_COLUMNS; k++) {
    const s = Math.floor(k / format.subBlock)
    if (k % format.subBlock === 0) {
      const part = (offset: number, headOffset: number): F32 => {
        const group = { address: source, offset: offset + s * scaleBytes }
        return scaleOfRow(format, group, { address: head, offset: headOffset }, place)
      }
      f.set(scale, part(scales, 0))
      if (format.minimum) f.set(minimum, part(minimums, MINIMUMS_IN_HEAD))
    }
    const product = op('f32.mul', scale, codes.value(quads, k))
    f.store('f32.store', target, 4 * k, format.minimum ? op('f32.sub', product, minimum) : product)
  }
}
