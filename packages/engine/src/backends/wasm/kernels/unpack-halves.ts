import { sum } from '../emitter/expression.ts'
import { FunctionBuilder } from '../emitter/function.ts'
import { loadHalves } from './half.ts'

const VECTORS_PER_ROUND = 4

/** Writes halves as floats times 2^-112, at least so many `bytes` of floats: a round writes 64. */
export function unpackHalvesFunction(): FunctionBuilder {
  const f = new FunctionBuilder('unpack_halves')
  const { source, target, bytes } = f.parameterList('source', 'target', 'bytes')
  const end = f.let('end', sum(target, bytes))
  f.forRange(target, end, 16 * VECTORS_PER_ROUND, () => {
    for (let i = 0; i < VECTORS_PER_ROUND; i++) f.store('v128.store', target, 16 * i, loadHalves(source, 8 * i))
    f.increase(source, 8 * VECTORS_PER_ROUND)
  })
  return f
}
