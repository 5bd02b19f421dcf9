import { load, op, sum, type V128, vectorOf } from '../emitter/expression.ts'
import { FunctionBuilder } from '../emitter/function.ts'
import { exponential } from './exponential.ts'

/** output = left + right, for rows [from, to) of `stride` bytes. */
export function addKernel(): FunctionBuilder {
  return elementwise('add', (_, left, right) => op('f32x4.add', left, right))
}

/** output = silu(left) * right with silu(x) = x / (1 + exp(-x)), for rows [from, to) of `stride` bytes. */
export function gatedSiluKernel(): FunctionBuilder {
  return elementwise('gated_silu', (f, left, right) => {
    const gate = f.let('gate', left)
    const denominator = op('f32x4.add', vectorOf(1), exponential(f, op('f32x4.neg', gate)))
    return op('f32x4.mul', op('f32x4.div', gate, denominator), right)
  })
}

function elementwise(name: string, combine: (f: FunctionBuilder, left: V128, right: V128) => V128): FunctionBuilder {
  const f = new FunctionBuilder(name)
  const { left, right, output, stride, from, to } = f.parameterList('left', 'right', 'output', 'stride', 'from', 'to')
  const offset = f.let('offset', op('i32.mul', from, stride))
  f.forRange(offset, op('i32.mul', to, stride), 16, () => {
    const result = combine(f, load('v128.load', sum(left, offset)), load('v128.load', sum(right, offset)))
    f.store('v128.store', sum(output, offset), 0, result)
  })
  return f
}

/** Adds a bias of `stride` bytes to rows [from, to). */
export function addBiasKernel(): FunctionBuilder {
  const f = new FunctionBuilder('add_bias')
  const { values, bias, stride, from, to } = f.parameterList('values', 'bias', 'stride', 'from', 'to')
  const row = f.let('row', from)
  const offset = f.local('offset', 'i32')
  const address = f.local('address', 'i32')
  f.forRange(row, to, 1, () => {
    f.set(offset, 0)
    f.forRange(offset, stride, 16, () => {
      f.set(address, sum(values, op('i32.mul', row, stride), offset))
      const total = op('f32x4.add', load('v128.load', address), load('v128.load', sum(bias, offset)))
      f.store('v128.store', address, 0, total)
    })
  })
  return f
}

/** Copies for each of the output rows [from, to) the input row that `rows` names. */
export function selectRowsKernel(): FunctionBuilder {
  const f = new FunctionBuilder('select_rows')
  const { input, rows, output, stride, from, to } = f.parameterList('input', 'rows', 'output', 'stride', 'from', 'to')
  const row = f.let('row', from)
  f.forRange(row, to, 1, () => {
    const source = load('i32.load', sum(rows, op('i32.mul', row, 4)))
    f.copy(sum(output, op('i32.mul', row, stride)), sum(input, op('i32.mul', source, stride)), stride)
  })
  return f
}
