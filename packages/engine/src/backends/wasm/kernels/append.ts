import { PAGE_LENGTH } from '../../backend.ts'
import { type I32, lane, load, op, sum, type V128 } from '../emitter/expression.ts'
import { FunctionBuilder } from '../emitter/function.ts'
import { elementBytes, type FloatCacheType, STRIPE } from '../layout/key-value-pages.ts'
import { halvesOf } from './half.ts'

/**
 * Emits `append_TYPE`: writes the keys and values of tokens [from, to) into their pages (layout/key-value-pages.ts).
 * `slots` holds for each token page * 64 + place in the page. Halves are rounded to the nearest, ties to even.
 */
export function appendKernel(type: FloatCacheType): FunctionBuilder {
  const size = elementBytes(type)
  const f = new FunctionBuilder(`append_${type}`)
  const { keys, values, stride, slots, pages, pageBytes, heads, headDimension, from, to } = f.parameterList(
    'keys',
    'values',
    'stride',
    'slots',
    'pages',
    'pageBytes',
    'heads',
    'headDimension',
    'from',
    'to',
  )
  const padded = f.let('padded', op('i32.and', sum(headDimension, STRIPE - 1), -STRIPE))
  const panelBytes = f.let('panelBytes', op('i32.mul', padded, PAGE_LENGTH * size))
  const token = f.let('token', from)
  const slot = f.local('slot', 'i32')
  const head = f.local('head', 'i32')
  const dimension = f.local('dimension', 'i32')
  const source = f.local('source', 'i32')
  const panel = f.local('panel', 'i32')
  const keyTarget = f.local('keyTarget', 'i32')
  const valueTarget = f.local('valueTarget', 'i32')
  f.forRange(token, to, 1, () => {
    f.set(slot, load('i32.load', sum(slots, op('i32.mul', token, 4))))
    f.set(panel, sum(pages, op('i32.mul', op('i32.div_u', slot, PAGE_LENGTH), pageBytes)))
    f.set(slot, op('i32.rem_u', slot, PAGE_LENGTH))
    f.set(source, op('i32.mul', token, stride))
    f.set(head, 0)
    f.forRange(head, heads, 1, () => {
      const stripeOfToken = op('i32.mul', op('i32.and', slot, -STRIPE), padded)
      f.set(keyTarget, sum(panel, op('i32.mul', sum(stripeOfToken, op('i32.and', slot, STRIPE - 1)), size)))
      f.set(valueTarget, sum(panel, panelBytes, op('i32.mul', slot, STRIPE * size)))
      f.set(dimension, 0)
      f.forRange(dimension, headDimension, 4, () => {
        const offset = f.let('offset', sum(source, op('i32.mul', dimension, 4)))
        storeKeys(f, type, keyTarget, load('v128.load', sum(keys, offset)))
        const stripe = op('i32.mul', op('i32.and', dimension, -STRIPE), PAGE_LENGTH * size)
        const place = op('i32.mul', op('i32.and', dimension, STRIPE - 1), size)
        storeValues(f, type, sum(valueTarget, stripe, place), load('v128.load', sum(values, offset)))
        f.increase(keyTarget, 4 * STRIPE * size)
      })
      f.increase(source, op('i32.mul', headDimension, 4))
      f.increase(panel, op('i32.mul', panelBytes, 2))
    })
  })
  return f
}

/** Four dimensions of one token lie a row of the stripe apart. */
function storeKeys(f: FunctionBuilder, type: FloatCacheType, target: I32, four: V128): void {
  const bits = f.let('keyBits', type === 'f16' ? halvesOf(f, four) : four)
  const [name, size] = type === 'f16' ? (['i32.store16', 2] as const) : (['i32.store', 4] as const)
  for (let i = 0; i < 4; i++) f.store(name, target, i * STRIPE * size, lane('i32x4.extract_lane', bits, i))
}

function storeValues(f: FunctionBuilder, type: FloatCacheType, target: I32, four: V128): void {
  if (type === 'f32') {
    f.store('v128.store', target, 0, four)
    return
  }
  const halves = halvesOf(f, four)
  const packed = f.let('packed', op('i16x8.narrow_i32x4_u', halves, halves))
  f.store('i32.store', target, 0, lane('i32x4.extract_lane', packed, 0))
  f.store('i32.store', target, 4, lane('i32x4.extract_lane', packed, 1))
}
