import { type CacheType, PAGE_LENGTH } from '../../backend.ts'
import { type I32, load, op, sum, vectorOf, zeroVector } from '../emitter/expression.ts'
import { FunctionBuilder, type Local } from '../emitter/function.ts'
import { elementBytes, paddedDimension, STRIPE } from '../layout/key-value-pages.ts'
import { HALF_FACTOR } from './half.ts'

/** Most tokens of a task: they share the work of reading a page. */
export const TASK_TOKENS = 16

/** Most query heads of a unit: so many share a conversion of halves. Further heads of a group are further units. */
const UNIT_HEADS = 4
const UNIT_QUERIES = TASK_TOKENS * UNIT_HEADS

/** One entry of the task table: first token, tokens, address of the page table, pages; all i32. */
export const TASK_BYTES = 16

const SCORE_BYTES = 4 * PAGE_LENGTH

/** The functions that attention is made of. */
export interface AttentionParts {
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

/** Bytes a thread needs besides: a panel of floats, and for each query of a unit itself, sums, scores, running softmax. */
export function attentionScratchBytes(headDimension: number): number {
  const width = 4 * paddedDimension(headDimension)
  return PAGE_LENGTH * width + UNIT_QUERIES * (2 * width + SCORE_BYTES + 8)
}

/** Units of work of a task. */
export function attentionUnits(keyValueHeads: number, headsPerGroup: number): number {
  return keyValueHeads * Math.ceil(headsPerGroup / UNIT_HEADS)
}

/**
 * Emits `attention_TYPE`: out[t][h] = sum over j <= position(t) of softmax over j of (scale q[t][h] . k[j]) v[j].
 *
 * A unit of work is a task (up to 16 neighbouring tokens of one sequence) and up to four query heads that share a
 * key-value head; [from, to) counts units, heads fastest. The unit goes through the sequence's pages once: all its
 * queries meet a page's keys, then its values; both are read from one end to the other. Each query keeps a running
 * maximum, the sum of exponentials and the weighted sum of values, rescaled when a page raises the maximum (online
 * softmax, arXiv 1805.02867). What one query computes does not depend on the queries beside it.
 */
export function attentionKernel(type: CacheType, parts: AttentionParts): FunctionBuilder {
  const f = new FunctionBuilder(`attention_${type}`)
  const u = declare(f, type)
  f.forRange(u.unit, u.to, 1, () => {
    const task = f.let('task', sum(u.tasks, op('i32.mul', op('i32.div_u', u.unit, u.unitsOfTask), TASK_BYTES)))
    chooseHeads(u)
    f.set(u.first, load('i32.load', task, 0))
    f.set(u.behindLast, sum(u.first, load('i32.load', task, 4)))
    f.set(u.page, 0)
    f.set(u.count, op('i32.mul', load('i32.load', task, 4), u.unitHeads))
    forTokens(u, () => forHeads(u, () => reset(u)))
    f.forRange(u.page, load('i32.load', task, 12), 1, () => {
      const entry = load('i32.load', sum(load('i32.load', task, 8), op('i32.mul', u.page, 4)))
      const offsetOfHead = op('i32.mul', op('i32.mul', u.head, 2), u.panelBytes)
      f.set(u.panel, sum(u.pages, op('i32.mul', entry, u.pageBytes), offsetOfHead))
      // The task's last token stands last in its sequence and sees the most keys.
      f.set(u.keys, keysOf(u, op('i32.sub', u.behindLast, 1)))
      scorePage(u, parts)
      f.increase(u.panel, u.panelBytes)
      mixPage(u, parts)
    })
    f.set(u.page, 0)
    forTokens(u, () => forHeads(u, () => writeOutput(u)))
  })
  return f
}

/** Parameters and variables of the kernel. */
function declare(f: FunctionBuilder, type: CacheType) {
  const rows = f.parameterList('queries', 'queryStride', 'output', 'outputStride')
  const state = f.parameterList('pages', 'pageBytes', 'positions', 'tasks')
  const { heads, headsPerGroup, headDimension } = f.parameterList('heads', 'headsPerGroup', 'headDimension')
  const scale = f.parameter('scale', 'f32')
  const { scratch, from: unit, to } = f.parameterList('scratch', 'from', 'to')
  const width = f.let('width', op('i32.mul', op('i32.and', sum(headDimension, STRIPE - 1), -STRIPE), 4))
  const panelBytes = f.let('panelBytes', op('i32.mul', width, (PAGE_LENGTH * elementBytes(type)) / 4))
  const unitsOfHead = f.let('unitsOfHead', op('i32.div_u', sum(headsPerGroup, UNIT_HEADS - 1), UNIT_HEADS))
  const unitsOfTask = f.let('unitsOfTask', op('i32.mul', heads, unitsOfHead))
  const scores = f.let('scores', sum(scratch, op('i32.mul', width, PAGE_LENGTH)))
  const running = f.let('running', sum(scores, UNIT_QUERIES * SCORE_BYTES))
  const sums = f.let('sums', sum(running, UNIT_QUERIES * 8))
  const scaled = f.let('scaled', sum(sums, op('i32.mul', width, UNIT_QUERIES)))
  const names = [
    ...(['head', 'firstHead', 'unitHeads', 'count', 'page', 'panel', 'first', 'behindLast'] as const),
    ...(['token', 'headOfUnit', 'firstQuery', 'keys'] as const),
  ]
  const variables = Object.fromEntries(names.map((name) => [name, f.local(name, 'i32')]))
  return {
    ...{ f, type, ...rows, ...state, headsPerGroup, headDimension, scale, scratch, unit, to },
    ...{ unitsOfHead, unitsOfTask, width, panelBytes, scores, running, sums, scaled },
    ...(variables as Record<(typeof names)[number], Local<'i32'>>),
  }
}

type Unit = ReturnType<typeof declare>

/** The key-value head of the unit, its first query head, and how many there are. */
function chooseHeads({ f, unit, unitsOfTask, unitsOfHead, head, headsPerGroup, firstHead, unitHeads }: Unit): void {
  const unitOfTask = f.let('unitOfTask', op('i32.rem_u', unit, unitsOfTask))
  f.set(head, op('i32.div_u', unitOfTask, unitsOfHead))
  f.set(firstHead, op('i32.mul', op('i32.rem_u', unitOfTask, unitsOfHead), UNIT_HEADS))
  f.set(unitHeads, op('i32.sub', headsPerGroup, firstHead))
  f.if(op('i32.gt_u', unitHeads, UNIT_HEADS), () => f.set(unitHeads, UNIT_HEADS))
  f.increase(firstHead, op('i32.mul', head, headsPerGroup))
}

/** For each token of the task that sees keys of the page: counts them in `keys` and emits the body. */
function forTokens(u: Unit, body: () => void): void {
  const { f, keys, token } = u
  f.set(u.firstQuery, 0)
  f.set(token, u.first)
  f.forRange(token, u.behindLast, 1, () => {
    f.set(keys, keysOf(u, token))
    f.if(op('i32.gt_s', keys, PAGE_LENGTH), () => f.set(keys, PAGE_LENGTH))
    f.set(u.headOfUnit, 0)
    f.if(op('i32.gt_s', keys, 0), body)
    f.increase(u.firstQuery, u.unitHeads)
  })
}

/** The keys of the page and behind it that a token sees, or less than 1. */
function keysOf({ positions, page }: Unit, token: I32): I32 {
  const seen = sum(load('i32.load', sum(positions, op('i32.mul', token, 4))), 1)
  return op('i32.sub', seen, op('i32.mul', page, PAGE_LENGTH))
}

function forHeads({ f, headOfUnit, unitHeads }: Unit, body: () => void): void {
  f.set(headOfUnit, 0)
  f.forRange(headOfUnit, unitHeads, 1, body)
}

/** Empties what a query keeps, and takes a copy of it that makes up for the conversion of keys. */
function reset(u: Unit): void {
  const { f } = u
  f.store('f32.store', runningOf(u), 0, Number.NEGATIVE_INFINITY)
  f.store('f32.store', runningOf(u), 4, 0)
  clear(u, sumsOf(u), u.width)
  const source = f.let('query', sum(u.queries, op('i32.mul', u.token, u.queryStride), offsetOfHead(u)))
  const target = f.let('scaledQuery', sum(u.scaled, op('i32.mul', queryOf(u), u.width)))
  f.forRange(target, f.let('behindQuery', sum(target, op('i32.mul', u.headDimension, 4))), 16, () => {
    f.store('v128.store', target, 0, op('f32x4.mul', load('v128.load', source), vectorOf(QUERY_FACTOR[u.type])))
    f.increase(source, 16)
  })
}

/** Scores all queries with all keys of the page; those of a token that are not its to see are left out afterwards. */
function scorePage(u: Unit, parts: AttentionParts): void {
  clear(u, u.scores, op('i32.mul', u.count, SCORE_BYTES))
  u.f.if(op('i32.gt_s', u.keys, PAGE_LENGTH), () => u.f.set(u.keys, PAGE_LENGTH))
  const stripes = op('i32.div_u', sum(u.keys, STRIPE - 1), STRIPE)
  const stripe = op('i32.mul', u.width, (STRIPE * elementBytes(u.type)) / 4)
  product(u, parts, (callee, panel, factor) => {
    const keys = [panel, op('i32.mul', stripe, factor), stripes] as const
    u.f.call(callee, u.scaled, u.width, u.count, u.headDimension, ...keys, u.scores, SCORE_BYTES)
  })
  forTokens(u, () => {
    forHeads(u, () => {
      const factors = [op('f32.mul', u.scale, SCORE_FACTOR[u.type]), WEIGHT_FACTOR[u.type]] as const
      u.f.call(parts.softmaxPage, scoresOf(u), u.keys, ...factors, runningOf(u), sumsOf(u), u.width)
    })
  })
}

/**
 * Adds the weighted values: at once where all tokens see the whole page. Else token by token, for what stands behind a
 * token's last key must not count, not even times 0.
 */
function mixPage(u: Unit, parts: AttentionParts): void {
  const stripe = PAGE_LENGTH * STRIPE * elementBytes(u.type)
  const stripes = op('i32.div_u', u.width, 4 * STRIPE)
  u.f.set(u.keys, keysOf(u, u.first))
  product(u, parts, (callee, panel, factor) => {
    const values = [panel, stripe * factor, stripes] as const
    const isWhole = u.f.let('isWhole', op('i32.ge_s', u.keys, PAGE_LENGTH))
    u.f.if(isWhole, () => {
      u.f.call(callee, u.scores, SCORE_BYTES, u.count, PAGE_LENGTH, ...values, u.sums, u.width)
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
  u: Unit,
  parts: AttentionParts,
  body: (callee: FunctionBuilder, panel: I32, factor: number) => void,
): void {
  const { f } = u
  if (u.type === 'f32') {
    body(parts.productWithFloats, u.panel, 1)
    return
  }
  f.if(op('i32.le_u', u.count, FEW_QUERIES), () => body(parts.productWithHalves, u.panel, 1))
  f.if(op('i32.gt_u', u.count, FEW_QUERIES), () => {
    f.call(parts.unpackHalves, u.panel, u.scratch, op('i32.mul', u.width, PAGE_LENGTH))
    body(parts.productWithFloats, u.scratch, 2)
  })
}

/** Divides the sums by the sum of exponentials; a head's columns beyond whole vectors are written one by one. */
function writeOutput(u: Unit): void {
  const { f } = u
  const target = f.let('target', sum(u.output, op('i32.mul', u.token, u.outputStride), offsetOfHead(u)))
  const source = f.let('source', sumsOf(u))
  const total = f.let('total', load('f32.load', runningOf(u), 4))
  const end = f.let('end', sum(target, op('i32.mul', u.headDimension, 4)))
  f.forRange(target, op('i32.sub', end, 15), 16, () => {
    f.store('v128.store', target, 0, op('f32x4.div', load('v128.load', source), op('f32x4.splat', total)))
    f.increase(source, 16)
  })
  f.forRange(target, end, 4, () => {
    f.store('f32.store', target, 0, op('f32.div', load('f32.load', source), total))
    f.increase(source, 4)
  })
}

/** The place of the present token and head among the queries of the unit. */
const queryOf = (u: Unit): I32 => sum(u.firstQuery, u.headOfUnit)
const scoresOf = (u: Unit): I32 => sum(u.scores, op('i32.mul', queryOf(u), SCORE_BYTES))
const runningOf = (u: Unit): I32 => sum(u.running, op('i32.mul', queryOf(u), 8))
const sumsOf = (u: Unit): I32 => sum(u.sums, op('i32.mul', queryOf(u), u.width))

function offsetOfHead(u: Unit): I32 {
  return op('i32.mul', sum(u.firstHead, u.headOfUnit), op('i32.mul', u.headDimension, 4))
}

function clear({ f }: Unit, start: I32, bytes: I32): void {
  const address = f.let('address', start)
  f.forRange(address, f.let('behind', sum(address, bytes)), 16, () => f.store('v128.store', address, 0, zeroVector()))
}
