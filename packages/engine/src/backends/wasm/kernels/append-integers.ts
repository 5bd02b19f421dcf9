import { PAGE_LENGTH } from '../../backend.ts'
import {
  type F32,
  f32,
  type I32,
  lane,
  load,
  op,
  sum,
  type V128,
  vectorOfBytes,
  zeroVector,
} from '../emitter/expression.ts'
import { FunctionBuilder, type Local } from '../emitter/function.ts'
import { elementBytes, type IntegerCacheType, KEY_BLOCK, STRIPE } from '../layout/key-value-pages.ts'
import { roundedBy, storedScale } from './round-integers.ts'

/** The functions that appending integers is made of. */
export interface AppendParts {
  readonly storeKey: FunctionBuilder
  readonly storeValue: FunctionBuilder
}

/**
 * Emits `append_TYPE`: writes the keys and values of tokens [from, to) into their pages (layout/key-value-pages.ts), rounded
 * to the nearest integer, ties to even, in units of a scale. `slots` holds for each token page * 64 + place in the page.
 */
export function appendIntegersKernel(type: IntegerCacheType, { storeKey, storeValue }: AppendParts): FunctionBuilder {
  const size = elementBytes(type)
  const f = new FunctionBuilder(`append_${type}`)
  const { keys, values, stride, slots } = f.parameterList('keys', 'values', 'stride', 'slots')
  const { pages, pageBytes, heads, headDimension } = f.parameterList('pages', 'pageBytes', 'heads', 'headDimension')
  const { from: token, to } = f.parameterList('from', 'to')
  const padded = f.let('padded', op('i32.and', sum(headDimension, STRIPE - 1), -STRIPE))
  const scales = sum(op('i32.div_u', sum(padded, KEY_BLOCK - 1), KEY_BLOCK), 1)
  const keyStripe = f.let('keyStripe', sum(op('i32.mul', padded, STRIPE * size), op('i32.mul', scales, 4 * STRIPE)))
  const headBytes = f.let('headBytes', op('i32.div_u', pageBytes, heads))
  const slot = f.local('slot', 'i32')
  const source = f.local('source', 'i32')
  const panel = f.local('panel', 'i32')
  const head = f.local('head', 'i32')
  f.forRange(token, to, 1, () => {
    f.set(slot, load('i32.load', sum(slots, op('i32.mul', token, 4))))
    f.set(panel, sum(pages, op('i32.mul', op('i32.div_u', slot, PAGE_LENGTH), pageBytes)))
    f.set(slot, op('i32.rem_u', slot, PAGE_LENGTH))
    f.set(source, op('i32.mul', token, stride))
    f.set(head, 0)
    f.forRange(head, heads, 1, () => {
      const stripe = f.let('stripe', sum(panel, op('i32.mul', op('i32.div_u', slot, STRIPE), keyStripe)))
      const column = f.let('column', op('i32.and', slot, STRIPE - 1))
      const lastScales = op('i32.sub', sum(stripe, keyStripe), 4 * STRIPE)
      const valueScale = f.let('valueScale', sum(lastScales, op('i32.mul', column, 4)))
      const valuePanel = sum(panel, op('i32.mul', keyStripe, PAGE_LENGTH / STRIPE))
      const pair = op('i32.mul', op('i32.div_u', slot, 2), 2 * STRIPE * size)
      const place = sum(valuePanel, pair, op('i32.mul', op('i32.and', slot, 1), size))
      f.call(storeValue, sum(values, source), headDimension, valueScale, place)
      f.call(storeKey, sum(keys, source), headDimension, padded, stripe, column, valueScale)
      f.increase(source, op('i32.mul', headDimension, 4))
      f.increase(panel, headBytes)
    })
  })
  return f
}

/**
 * Emits `store_key_TYPE`: a key to a column of a stripe. The scale of its value is there already: where that is NaN, the
 * key's are too, and with them the scores of the token.
 */
export function storeKeyFunction(type: IntegerCacheType): FunctionBuilder {
  const size = elementBytes(type)
  const f = new FunctionBuilder(`store_key_${type}`)
  const { source, dimensions, padded } = f.parameterList('source', 'dimensions', 'padded')
  const { stripe: block, column, valueScale } = f.parameterList('stripe', 'column', 'valueScale')
  const [first, end] = [f.local('first', 'i32'), f.local('end', 'i32')]
  const [dimension, pairs] = [f.local('dimension', 'i32'), f.local('pairs', 'i32')]
  const ofValue = f.let('ofValue', load('f32.load', valueScale))
  const zeroOrNaN = f.let('zeroOrNaN', op('f32.sub', ofValue, ofValue))
  f.forRange(first, padded, KEY_BLOCK, () => {
    f.set(end, op('i32.sub', padded, first))
    f.if(op('i32.gt_u', end, KEY_BLOCK), () => f.set(end, KEY_BLOCK))
    const scales = f.let('scales', sum(block, op('i32.mul', end, STRIPE * size)))
    f.increase(end, first)
    f.if(op('i32.gt_u', end, dimensions), () => f.set(end, dimensions))
    const factor = emitScale(f, type, source, first, end, sum(scales, op('i32.mul', column, 4)), zeroOrNaN)
    f.set(pairs, sum(block, op('i32.mul', column, 2 * size)))
    f.set(dimension, first)
    f.forRange(dimension, end, 4, () => {
      const four = f.let('rounded', roundedBy(factor, fourOf(source, dimension, dimensions)))
      const shorts = f.let('shorts', op('i16x8.narrow_i32x4_s', four, four))
      storePairs(f, type, shorts, pairs)
      f.increase(pairs, 2 * (2 * STRIPE * size))
    })
    f.set(block, sum(scales, 4 * STRIPE))
  })
  return f
}

/** Two pairs of neighbouring dimensions go to neighbouring rows of pairs. */
function storePairs(f: FunctionBuilder, type: IntegerCacheType, shorts: V128, pairs: I32): void {
  if (type === 'i16') {
    for (const i of [0, 1]) f.store('i32.store', pairs, i * 4 * STRIPE, lane('i32x4.extract_lane', shorts, i))
    return
  }
  const bytes = op('i8x16.narrow_i16x8_s', shorts, shorts)
  const four = f.let('four', lane('i32x4.extract_lane', bytes, 0))
  f.store('i32.store16', pairs, 0, four)
  f.store('i32.store16', pairs, 2 * STRIPE, op('i32.shr_u', four, 16))
}

/** Emits `store_value_TYPE`: a value to its row of a panel, whose scale and first place are at the addresses. */
export function storeValueFunction(type: IntegerCacheType): FunctionBuilder {
  const size = elementBytes(type)
  const f = new FunctionBuilder(`store_value_${type}`)
  const { source, dimensions, scale, places } = f.parameterList('source', 'dimensions', 'scale', 'places')
  const first = f.local('first', 'i32')
  const factor = emitScale(f, type, source, first, dimensions, scale, f32(0))
  const dimension = f.local('dimension', 'i32')
  const store = type === 'i16' ? 'i32.store16' : 'i32.store8'
  f.forRange(dimension, dimensions, 4, () => {
    const four = f.let('rounded', roundedBy(factor, fourOf(source, dimension, dimensions)))
    const stripe = op('i32.mul', op('i32.div_u', dimension, STRIPE), PAGE_LENGTH * STRIPE * size)
    const column = op('i32.mul', op('i32.and', dimension, STRIPE - 1), 2 * size)
    const place = f.let('place', sum(places, stripe, column))
    for (let i = 0; i < 4; i++) f.store(store, place, 2 * size * i, lane('i32x4.extract_lane', four, i))
  })
  return f
}

/** Stores the scale of so many numbers of a row; what they are to be multiplied with. */
function emitScale(
  f: FunctionBuilder,
  type: IntegerCacheType,
  source: I32,
  first: I32,
  end: I32,
  target: I32,
  addend: F32,
): Local<'f32'> {
  const largest = f.let('largest', zeroVector())
  const i = f.let('i', first)
  f.forRange(i, end, 4, () => {
    f.set(largest, op('f32x4.max', largest, op('f32x4.abs', fourOf(source, i, end))))
  })
  const value = f.let('scaleOfAll', op('f32.add', storedScale(f, largest, type), addend))
  f.store('f32.store', target, 0, value)
  return f.let('factor', op('f32.div', 1, value))
}

/** Four numbers of a row from the i-th on; those from `end` on are zero. */
function fourOf(row: I32, i: I32, end: I32): V128 {
  const isThere = op('i32x4.gt_u', op('i32x4.splat', op('i32.sub', end, i)), LANES)
  return op('v128.and', load('v128.load', sum(row, op('i32.mul', i, 4))), isThere)
}

const LANES = vectorOfBytes([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0])
