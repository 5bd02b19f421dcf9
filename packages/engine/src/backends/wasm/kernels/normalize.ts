import { load, op, sum, zeroVector } from '../emitter/expression.ts'
import { FunctionBuilder } from '../emitter/function.ts'
import { sumOfLanes } from './reduce.ts'

/**
 * y = w x / sqrt(mean(x^2) + epsilon), for rows [from, to) in `groups` groups of `width` floats. Widths that are no
 * multiple of 4 end in a tail of single floats.
 */
export function normalizeKernel(): FunctionBuilder {
  const f = new FunctionBuilder('normalize')
  const { input, output, stride, weight, groups, width } = f.parameterList(
    'input',
    'output',
    'stride',
    'weight',
    'groups',
    'width',
  )
  const epsilon = f.parameter('epsilon', 'f32')
  const { from, to } = f.parameterList('from', 'to')
  const row = f.let('row', from)
  const group = f.local('group', 'i32')
  const offset = f.local('offset', 'i32')
  const i = f.local('i', 'i32')
  const bytes = f.let('bytes', op('i32.mul', width, 4))
  const vectorBytes = f.let('vectorBytes', op('i32.and', bytes, -16))
  const squares = f.local('squares', 'v128')
  const total = f.local('total', 'f32')
  const factor = f.local('factor', 'f32')

  f.forRange(row, to, 1, () => {
    f.set(offset, op('i32.mul', row, stride))
    f.set(group, 0)
    f.forRange(group, groups, 1, () => {
      f.set(squares, zeroVector())
      f.set(i, 0)
      f.forRange(i, vectorBytes, 16, () => {
        const x = f.let('x', load('v128.load', sum(input, offset, i)))
        f.set(squares, op('f32x4.add', squares, op('f32x4.mul', x, x)))
      })
      f.set(total, sumOfLanes(f, squares))
      f.forRange(i, bytes, 4, () => {
        const x = f.let('tail', load('f32.load', sum(input, offset, i)))
        f.set(total, op('f32.add', total, op('f32.mul', x, x)))
      })
      const mean = op('f32.div', total, op('f32.convert_i32_u', width))
      f.set(factor, op('f32.div', 1, op('f32.sqrt', op('f32.add', mean, epsilon))))
      f.set(i, 0)
      f.forRange(i, vectorBytes, 16, () => {
        const scaled = op('f32x4.mul', load('v128.load', sum(input, offset, i)), op('f32x4.splat', factor))
        const weighted = op('f32x4.mul', scaled, load('v128.load', sum(weight, i)))
        f.store('v128.store', sum(output, offset, i), 0, weighted)
      })
      f.forRange(i, bytes, 4, () => {
        const scaled = op('f32.mul', load('f32.load', sum(input, offset, i)), factor)
        f.store('f32.store', sum(output, offset, i), 0, op('f32.mul', scaled, load('f32.load', sum(weight, i))))
      })
      f.increase(offset, bytes)
    })
  })
  return f
}
