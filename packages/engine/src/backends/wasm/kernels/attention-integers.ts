import { PAGE_LENGTH } from '../../backend.ts'
import { type I32, i32, op, sum } from '../emitter/expression.ts'
import type { FunctionBuilder } from '../emitter/function.ts'
import { elementBytes, type IntegerCacheType, STRIPE } from '../layout/key-value-pages.ts'
import {
  type AttentionForm,
  type AttentionUnit,
  clear,
  forTokens,
  operandsOf,
  runningOf,
  SCORE_BYTES,
  scoresOf,
  sumsOf,
} from './attention-unit.ts'

/** The functions that attention over integers is made of. */
export interface IntegerParts {
  readonly roundQuery: FunctionBuilder
  readonly keyProduct: FunctionBuilder
  readonly softmaxPage: FunctionBuilder
  readonly valueProduct: FunctionBuilder
}

/**
 * Attention over keys and values that are integers, without a conversion: queries are rounded to integers once, weights
 * (times the scales of their values) for each page. A key that a token does not see has a weight of 0, which is nothing times
 * any integer: so a page that only some see in part is one product too.
 */
export function attentionOfIntegers(type: IntegerCacheType, parts: IntegerParts): AttentionForm {
  return {
    takeQuery: (u, source) => takeQuery(u, parts, source),
    meetPage: (u) => meetPage(u, type, parts),
  }
}

/** Pads the query with zeros, and rounds it. */
function takeQuery(u: AttentionUnit, { roundQuery }: IntegerParts, source: I32): void {
  clear(u, u.scratch, u.width)
  u.f.copy(u.scratch, source, op('i32.mul', u.headDimension, 4))
  u.f.call(roundQuery, u.scratch, operandsOf(u), u.padded)
}

function meetPage(u: AttentionUnit, type: IntegerCacheType, parts: IntegerParts): void {
  const { f } = u
  // Whole stripes of keys, and so many values, up to the last that the last token sees.
  f.if(op('i32.gt_s', u.keys, PAGE_LENGTH), () => f.set(u.keys, PAGE_LENGTH))
  const rows = f.let('rows', op('i32.and', sum(u.keys, STRIPE - 1), -STRIPE))
  // Tokens that see nothing of the page come first: their queries are passed over.
  const seeing = f.let('seeing', i32(0))
  forTokens(u, () => f.increase(seeing, u.unitHeads))
  const first = f.let('firstSeeing', sum(u.queriesBefore, op('i32.sub', u.count, seeing)))
  const seeingFrom = (start: I32, stride: I32 | number): I32 => sum(start, op('i32.mul', first, stride))
  const scores = f.let('seeingScores', seeingFrom(u.scores, SCORE_BYTES))

  clear(u, scores, op('i32.mul', seeing, SCORE_BYTES))
  const operands = [seeingFrom(u.operands, u.width), u.width, seeing, u.padded] as const
  const stripe = f.let('stripe', op('i32.div_u', u.keyBytes, PAGE_LENGTH / STRIPE))
  const keys = [u.panel, stripe, op('i32.div_u', rows, STRIPE)] as const
  f.call(parts.keyProduct, ...operands, ...keys, scores, SCORE_BYTES)
  const valueScales = f.let('valueScales', op('i32.sub', sum(u.panel, stripe), 4 * STRIPE))
  forTokens(u, () => {
    const kept = [runningOf(u), sumsOf(u), u.width] as const
    f.call(parts.softmaxPage, scoresOf(u), u.unitHeads, u.keys, u.scale, ...kept, valueScales, stripe)
  })
  f.increase(u.panel, u.keyBytes)
  const values = [u.panel, PAGE_LENGTH * STRIPE * elementBytes(type), op('i32.div_u', u.padded, STRIPE)] as const
  f.call(parts.valueProduct, scores, SCORE_BYTES, seeing, rows, ...values, seeingFrom(u.sums, u.width), u.width)
}
