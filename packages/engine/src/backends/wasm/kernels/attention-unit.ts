import { type CacheType, PAGE_LENGTH } from '../../backend.ts'
import { type I32, load, op, sum, zeroVector } from '../emitter/expression.ts'
import type { FunctionBuilder, Local } from '../emitter/function.ts'
import { elementBytes, isOfIntegers, KEY_BLOCK, paddedDimension, STRIPE } from '../layout/key-value-pages.ts'
import { runBytes, runBytesOf } from './attention-runs.ts'

/** One entry of the task table: first token, tokens, address of the page table, pages; all i32. */
export const TASK_BYTES = 16

/** Most tokens of a task: they share the work of reading a page. */
export const TASK_TOKENS = 16

/** Most query heads of a unit: so many share a conversion of what is read. Further heads of a group are further units. */
export const UNIT_HEADS = 4
const UNIT_QUERIES = TASK_TOKENS * UNIT_HEADS

/** Of each query, one after another: a page's scores, which become its weights. */
export const SCORE_BYTES = 4 * PAGE_LENGTH

/** Of each query: the largest score, the sum of exponentials. */
export const RUNNING_BYTES = 8

/**
 * Bytes a thread needs besides: a panel of floats, and for each query of a unit itself, sums, scores, running softmax, and what is
 * kept of the runs before.
 */
export function attentionScratchBytes(headDimension: number): number {
  const width = 4 * paddedDimension(headDimension)
  return PAGE_LENGTH * width + UNIT_QUERIES * (2 * width + SCORE_BYTES + RUNNING_BYTES + runBytes(headDimension))
}

/** How attention takes in queries and meets keys and values of a type. */
export interface AttentionForm {
  /** Makes of the present query, `source`, what is multiplied with keys. */
  readonly takeQuery: (u: AttentionUnit, source: I32) => void
  /** Takes a page's keys into the running softmax of all queries, and its values into their sums. */
  readonly meetPage: (u: AttentionUnit) => void
}

/** Parameters and variables of the kernel. */
export function declareUnit(f: FunctionBuilder, type: CacheType) {
  const rows = f.parameterList('queries', 'queryStride', 'output', 'outputStride')
  const state = f.parameterList('pages', 'pageBytes', 'positions', 'tasks', 'runs', 'keptOfRuns')
  const { heads, headsPerGroup, headDimension } = f.parameterList('heads', 'headsPerGroup', 'headDimension')
  const scale = f.parameter('scale', 'f32')
  const { scratch, from, to } = f.parameterList('scratch', 'from', 'to')
  const padded = f.let('padded', op('i32.and', sum(headDimension, STRIPE - 1), -STRIPE))
  const width = f.let('width', op('i32.mul', padded, 4))
  const headBytes = f.let('headBytes', op('i32.div_u', state.pageBytes, heads))
  const keyBytes = f.let('keyBytes', op('i32.mul', padded, PAGE_LENGTH * elementBytes(type)))
  if (isOfIntegers(type)) {
    // Those of blocks, and of values.
    const scales = sum(op('i32.div_u', sum(padded, KEY_BLOCK - 1), KEY_BLOCK), 1)
    f.increase(keyBytes, op('i32.mul', scales, 4 * PAGE_LENGTH))
  }
  const unitsOfHead = f.let('unitsOfHead', op('i32.div_u', sum(headsPerGroup, UNIT_HEADS - 1), UNIT_HEADS))
  const unitsOfTask = f.let('unitsOfTask', op('i32.mul', heads, unitsOfHead))
  const scores = f.let('scores', sum(scratch, op('i32.mul', width, PAGE_LENGTH)))
  const running = f.let('running', sum(scores, UNIT_QUERIES * SCORE_BYTES))
  const sums = f.let('sums', sum(running, UNIT_QUERIES * RUNNING_BYTES))
  const operands = f.let('operands', sum(sums, op('i32.mul', width, UNIT_QUERIES)))
  const kept = f.let('kept', sum(operands, op('i32.mul', width, UNIT_QUERIES)))
  const ofRun = f.let('runBytes', runBytesOf(width))
  const names = [
    ...(['unit', 'head', 'firstHead', 'unitHeads', 'queriesBefore', 'count', 'panel'] as const),
    ...(['run', 'firstPage', 'behindPages', 'page'] as const),
    ...(['first', 'tokens', 'behindLast', 'token', 'headOfUnit', 'firstQuery', 'keys'] as const),
  ]
  const variables = Object.fromEntries(names.map((name) => [name, f.local(name, 'i32')]))
  return {
    ...{ f, ...rows, ...state, heads, headsPerGroup, headDimension, scale, scratch, from, to },
    ...{ unitsOfHead, unitsOfTask, padded, width, headBytes, keyBytes, scores, running, sums, operands },
    ...{ kept, runBytes: ofRun },
    ...(variables as Record<(typeof names)[number], Local<'i32'>>),
  }
}

export type AttentionUnit = ReturnType<typeof declareUnit>

/** For each token of the task that sees keys of the page: counts them in `keys` and emits the body. */
export function forTokens(u: AttentionUnit, body: () => void): void {
  const { f, keys, token } = u
  f.set(u.firstQuery, u.queriesBefore)
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
export function keysOf({ positions, page }: AttentionUnit, token: I32): I32 {
  const seen = sum(load('i32.load', sum(positions, op('i32.mul', token, 4))), 1)
  return op('i32.sub', seen, op('i32.mul', page, PAGE_LENGTH))
}

export function forHeads({ f, headOfUnit, unitHeads }: AttentionUnit, body: () => void): void {
  f.set(headOfUnit, 0)
  f.forRange(headOfUnit, unitHeads, 1, body)
}

/** The place of the present token and head among the queries of the units that are done together. */
const queryOf = (u: AttentionUnit): I32 => sum(u.firstQuery, u.headOfUnit)

export const operandsOf = (u: AttentionUnit): I32 => sum(u.operands, op('i32.mul', queryOf(u), u.width))
export const scoresOf = (u: AttentionUnit): I32 => sum(u.scores, op('i32.mul', queryOf(u), SCORE_BYTES))
export const runningOf = (u: AttentionUnit): I32 => sum(u.running, op('i32.mul', queryOf(u), RUNNING_BYTES))
export const keptOf = (u: AttentionUnit): I32 => sum(u.kept, op('i32.mul', queryOf(u), u.runBytes))
export const sumsOf = (u: AttentionUnit): I32 => sum(u.sums, op('i32.mul', queryOf(u), u.width))

/** Fills with zeros, 16 bytes at once. */
export function clear({ f }: AttentionUnit, start: I32, bytes: I32): void {
  const address = f.let('address', start)
  f.forRange(address, f.let('behind', sum(address, bytes)), 16, () => f.store('v128.store', address, 0, zeroVector()))
}
