import { load, op, sum, zeroVector } from '../emitter/expression.ts'
import { FunctionBuilder } from '../emitter/function.ts'

/**
 * output[t] = sum over j < count of weights[t][j] * input[rows[t][j]], for the outputs [from, to). Rows of both have
 * `stride` bytes. The products are added in the order of j.
 */
export function weightedSumKernel(): FunctionBuilder {
  const f = new FunctionBuilder('weighted_sum')
  const { input, rows, weights, count, output, stride, from, to } = f.parameterList(
    'input',
    'rows',
    'weights',
    'count',
    'output',
    'stride',
    'from',
    'to',
  )
  const token = f.let('token', from)
  const offset = f.local('offset', 'i32')
  const entry = f.local('entry', 'i32')
  const entries = f.local('entries', 'i32')
  const total = f.local('total', 'v128')
  f.forRange(token, to, 1, () => {
    f.set(offset, 0)
    f.forRange(offset, stride, 16, () => {
      f.set(total, zeroVector())
      f.set(entry, op('i32.mul', op('i32.mul', token, count), 4))
      f.set(entries, sum(entry, op('i32.mul', count, 4)))
      f.forRange(entry, entries, 4, () => {
        const row = op('i32.mul', load('i32.load', sum(rows, entry)), stride)
        const weight = op('f32x4.splat', load('f32.load', sum(weights, entry)))
        f.set(total, op('f32x4.add', total, op('f32x4.mul', weight, load('v128.load', sum(input, row, offset)))))
      })
      f.store('v128.store', sum(output, op('i32.mul', token, stride), offset), 0, total)
    })
  })
  return f
}
