import { op, sum } from '../emitter/expression.ts'
import { FunctionBuilder } from '../emitter/function.ts'
import { HALF_FACTOR, halfMask, loadHalves } from './half.ts'

/** Writes halves as floats; `bytes` counts the floats' and is a multiple of 16. */
export function unpackHalvesFunction(): FunctionBuilder {
  const f = new FunctionBuilder('unpack_halves')
  const { source, target, bytes } = f.parameterList('source', 'target', 'bytes')
  const end = f.let('end', sum(target, bytes))
  const mask = f.let('mask', halfMask())
  const factor = f.let('factor', op('f32x4.splat', HALF_FACTOR))
  f.forRange(target, end, 16, () => {
    f.store('v128.store', target, 0, op('f32x4.mul', loadHalves(source, 0, mask), factor))
    f.increase(source, 8)
  })
  return f
}
