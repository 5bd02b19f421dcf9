import { PAGE_LENGTH } from '../../backend.ts'
import { type I32, load, op, sum, vectorOf } from '../emitter/expression.ts'
import type { FunctionBuilder } from '../emitter/function.ts'
import { elementBytes, type FloatCacheType, STRIPE } from '../layout/key-value-pages.ts'
import {
  type AttentionForm,
  type AttentionUnit,
  clear,
  forTokens,
  keysOf,
  operandsOf,
  runningOf,
  SCORE_BYTES,
  scoresOf,
  sumsOf,
} from './attention-unit.ts'
import { HALF_FACTOR } from './half.ts'

/** The functions that attention over floats is made of. */
export interface FloatParts {
  readonly unpackHalves: FunctionBuilder
  readonly productWithFloats: FunctionBuilder
  readonly productWithHalves: FunctionBuilder
  readonly softmaxPage: FunctionBuilder
}

/** Queries up to which a product converts halves as it goes; beyond, a panel is converted once for all of them. */
const FEW_QUERIES = 4

/**
 * Halves come as floats times 2^-112. For values the weights make up for it, which are at most 1. For keys the queries
 * take a part of it, so that neither they leave the range of floats nor do products that matter; the scores take the rest.
 */
const QUERY_FACTOR = { f16: 2 ** 64, f32: 1 } as const
const SCORE_FACTOR = { f16: HALF_FACTOR / QUERY_FACTOR.f16, f32: 1 } as const
const WEIGHT_FACTOR = { f16: HALF_FACTOR, f32: 1 } as const

/** Attention over keys and values that are floats. */
export function attentionOfFloats(type: FloatCacheType, parts: FloatParts): AttentionForm {
  return {
    takeQuery: (u, source) => takeQuery(u, type, source),
    meetPage: (u) => {
      scorePage(u, type, parts)
      u.f.increase(u.panel, u.keyBytes)
      mixPage(u, type, parts)
    },
  }
}

/** A copy of the query that makes up for the conversion of keys. */
function takeQuery(u: AttentionUnit, type: FloatCacheType, query: I32): void {
  const { f } = u
  const source = f.let('query', query)
  const target = f.let('scaledQuery', operandsOf(u))
  f.forRange(target, f.let('behindQuery', sum(target, op('i32.mul', u.headDimension, 4))), 16, () => {
    f.store('v128.store', target, 0, op('f32x4.mul', load('v128.load', source), vectorOf(QUERY_FACTOR[type])))
    f.increase(source, 16)
  })
}

/** Scores all queries with all keys of the page; those of a token that are not its to see are left out afterwards. */
function scorePage(u: AttentionUnit, type: FloatCacheType, parts: FloatParts): void {
  const scores = ofUnit(u, u.scores, SCORE_BYTES)
  clear(u, scores, op('i32.mul', u.count, SCORE_BYTES))
  u.f.if(op('i32.gt_s', u.keys, PAGE_LENGTH), () => u.f.set(u.keys, PAGE_LENGTH))
  const stripes = op('i32.div_u', sum(u.keys, STRIPE - 1), STRIPE)
  const stripe = op('i32.mul', u.padded, STRIPE * elementBytes(type))
  product(u, type, parts, (callee, panel, factor) => {
    const keys = [panel, op('i32.mul', stripe, factor), stripes] as const
    u.f.call(callee, ofUnit(u, u.operands, u.width), u.width, u.count, u.headDimension, ...keys, scores, SCORE_BYTES)
  })
  const scale = op('f32.mul', u.scale, SCORE_FACTOR[type])
  forTokens(u, () => {
    const kept = [runningOf(u), sumsOf(u), u.width] as const
    u.f.call(parts.softmaxPage, scoresOf(u), u.unitHeads, u.keys, scale, ...kept, WEIGHT_FACTOR[type])
  })
}

/**
 * Adds the weighted values: at once where all tokens see the whole page. Else token by token, for what stands behind a
 * token's last key must not count, not even times 0.
 */
function mixPage(u: AttentionUnit, type: FloatCacheType, parts: FloatParts): void {
  const stripe = PAGE_LENGTH * STRIPE * elementBytes(type)
  const stripes = op('i32.div_u', u.padded, STRIPE)
  u.f.set(u.keys, keysOf(u, u.first))
  product(u, type, parts, (callee, panel, factor) => {
    const values = [panel, stripe * factor, stripes] as const
    const isWhole = u.f.let('isWhole', op('i32.ge_s', u.keys, PAGE_LENGTH))
    u.f.if(isWhole, () => {
      const weights = [ofUnit(u, u.scores, SCORE_BYTES), SCORE_BYTES, u.count, PAGE_LENGTH] as const
      u.f.call(callee, ...weights, ...values, ofUnit(u, u.sums, u.width), u.width)
    })
    u.f.if(op('i32.eqz', isWhole), () => {
      forTokens(u, () => {
        u.f.call(callee, scoresOf(u), SCORE_BYTES, u.unitHeads, u.keys, ...values, sumsOf(u), u.width)
      })
    })
  })
}

/**
 * A product with the panel, in the form that is best for so many queries. The body is given the function to call, the
 * panel, and how many times as many bytes it takes as in the page.
 */
function product(
  u: AttentionUnit,
  type: FloatCacheType,
  parts: FloatParts,
  body: (callee: FunctionBuilder, panel: I32, factor: number) => void,
): void {
  const { f } = u
  if (type === 'f32') {
    body(parts.productWithFloats, u.panel, 1)
    return
  }
  f.if(op('i32.le_u', u.count, FEW_QUERIES), () => body(parts.productWithHalves, u.panel, 1))
  f.if(op('i32.gt_u', u.count, FEW_QUERIES), () => {
    f.call(parts.unpackHalves, u.panel, u.scratch, op('i32.mul', u.width, PAGE_LENGTH))
    body(parts.productWithFloats, u.scratch, 2)
  })
}

/** Where what is kept for the queries of the unit begins. */
function ofUnit(u: AttentionUnit, start: I32, stride: I32 | number): I32 {
  return sum(start, op('i32.mul', u.queriesBefore, stride))
}
