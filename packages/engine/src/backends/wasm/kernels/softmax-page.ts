import { PAGE_LENGTH } from '../../backend.ts'
import { lane, load, op, sum } from '../emitter/expression.ts'
import { FunctionBuilder } from '../emitter/function.ts'
import { exponential } from './exponential.ts'
import { largestLane, sumOfLanes } from './reduce.ts'

const SCORE_BYTES = 4 * PAGE_LENGTH

/**
 * Takes the scores of one query with a page's keys into its running softmax: with the new maximum m' of all scores
 * seen so far, scores become weightFactor exp(scale score - m'), the keys from `count` on zero. `running` holds the maximum and the
 * sum of exponentials; it and the weighted sums of values (`width` bytes) are rescaled by exp(m - m').
 */
export function softmaxPageFunction(): FunctionBuilder {
  const f = new FunctionBuilder('softmax_page')
  const { scores, count } = f.parameterList('scores', 'count')
  const scale = f.parameter('scale', 'f32')
  const weightFactor = f.parameter('weightFactor', 'f32')
  const { running, sums, width } = f.parameterList('running', 'sums', 'width')
  const i = f.let('i', op('i32.mul', count, 4))
  f.forRange(i, SCORE_BYTES, 4, () => f.store('f32.store', sum(scores, i), 0, Number.NEGATIVE_INFINITY))

  const maximum = f.let('maximum', load('f32.load', running))
  const largest = f.let('largest', op('f32x4.splat', maximum))
  const factors = f.let('scales', op('f32x4.splat', scale))
  f.set(i, 0)
  f.forRange(i, SCORE_BYTES, 16, () => {
    const scaled = f.let('scaled', op('f32x4.mul', load('v128.load', sum(scores, i)), factors))
    f.store('v128.store', sum(scores, i), 0, scaled)
    f.set(largest, op('f32x4.pmax', largest, scaled))
  })
  f.set(largest, op('f32x4.splat', largestLane(f, largest)))

  const total = f.local('total', 'v128')
  f.set(i, 0)
  f.forRange(i, SCORE_BYTES, 16, () => {
    const weight = exponential(f, op('f32x4.sub', load('v128.load', sum(scores, i)), largest))
    f.store('v128.store', sum(scores, i), 0, op('f32x4.mul', weight, op('f32x4.splat', weightFactor)))
    f.set(total, op('f32x4.add', total, weight))
  })

  const decay = exponential(f, op('f32x4.sub', op('f32x4.splat', maximum), largest))
  const factor = f.let('factor', lane('f32x4.extract_lane', decay, 0))
  const rescaled = op('f32.mul', load('f32.load', running, 4), factor)
  f.store('f32.store', running, 4, op('f32.add', rescaled, sumOfLanes(f, total)))
  f.store('f32.store', running, 0, lane('f32x4.extract_lane', largest, 0))
  f.if(op('f32.lt', factor, 1), () => {
    f.set(i, 0)
    f.forRange(i, width, 16, () => {
      const address = f.let('address', sum(sums, i))
      f.store('v128.store', address, 0, op('f32x4.mul', load('v128.load', address), op('f32x4.splat', factor)))
    })
  })
  return f
}
