import { type CacheType, PAGE_LENGTH } from '../../backend.ts'
import { type I32, i32, load, op, sum, zeroVector } from '../emitter/expression.ts'
import { FunctionBuilder, type Local } from '../emitter/function.ts'
import { paddedDimension } from '../layout/key-value-pages.ts'

/** Most tokens of a task: they share the work of reading a page. */
export const TASK_TOKENS = 16

/** One entry of the task table: first token, tokens, address of the page table, pages; all i32. */
export const TASK_BYTES = 16

const SCORE_BYTES = 4 * PAGE_LENGTH

/** The functions that attention is made of. */
export interface AttentionParts {
  readonly unpackHalves: FunctionBuilder
  readonly panelProduct: FunctionBuilder
  readonly softmaxPage: FunctionBuilder
}

/** Bytes a thread needs besides: a panel of floats, and for each query of a unit its sums, scores and running softmax. */
export function attentionScratchBytes(headsPerGroup: number, headDimension: number): number {
  const width = 4 * paddedDimension(headDimension)
  return PAGE_LENGTH * width + TASK_TOKENS * headsPerGroup * (width + SCORE_BYTES + 8)
}

/**
 * Emits `attention_TYPE`: out[t][h] = sum over j <= position(t) of softmax over j of (scale q[t][h] . k[j]) v[j].
 *
 * A unit of work is a task (up to 16 neighbouring tokens of one sequence) and one of its key-value heads; [from, to)
 * counts units, heads fastest. The unit goes through the sequence's pages once: all its queries meet a page's keys
 * (halves are unpacked once), then its values. Each query keeps a running maximum, the sum of exponentials and the
 * weighted sum of values, rescaled when a page raises the maximum (online softmax, arXiv 1805.02867). What one query
 * computes does not depend on the queries beside it.
 */
export function attentionKernel(type: CacheType, parts: AttentionParts): FunctionBuilder {
  const f = new FunctionBuilder(`attention_${type}`)
  const u = declare(f, type)
  f.forRange(u.unit, u.to, 1, () => {
    const task = f.let('task', sum(u.tasks, op('i32.mul', op('i32.div_u', u.unit, u.heads), TASK_BYTES)))
    f.set(u.head, op('i32.rem_u', u.unit, u.heads))
    f.set(u.first, load('i32.load', task, 0))
    f.set(u.behindLast, sum(u.first, load('i32.load', task, 4)))
    f.set(u.page, 0)
    forTokens(u, () => forHeads(u, () => reset(u)))
    f.forRange(u.page, load('i32.load', task, 12), 1, () => {
      const entry = load('i32.load', sum(load('i32.load', task, 8), op('i32.mul', u.page, 4)))
      const offsetOfHead = op('i32.mul', op('i32.mul', u.head, 2), u.panelBytes)
      f.set(u.panel, sum(u.pages, op('i32.mul', entry, u.pageBytes), offsetOfHead))
      scorePage(u, parts, fetched(u, parts, type, i32(PAGE_LENGTH)))
      f.increase(u.panel, u.panelBytes)
      // The task's last token stands last in its sequence and sees the most keys.
      mixPage(u, parts, fetched(u, parts, type, u.keys))
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
  const width = f.let('width', op('i32.and', sum(op('i32.mul', headDimension, 4), 15), -16))
  const panelBytes = f.let('panelBytes', op('i32.mul', width, type === 'f16' ? PAGE_LENGTH / 2 : PAGE_LENGTH))
  const mostQueries = f.let('mostQueries', op('i32.mul', headsPerGroup, TASK_TOKENS))
  const scores = f.let('scores', sum(scratch, op('i32.mul', width, PAGE_LENGTH)))
  const running = f.let('running', sum(scores, op('i32.mul', mostQueries, SCORE_BYTES)))
  const sums = f.let('sums', sum(running, op('i32.mul', mostQueries, 8)))
  const names = ['head', 'page', 'panel', 'first', 'behindLast', 'token', 'headOfGroup', 'firstQuery', 'keys'] as const
  const variables = Object.fromEntries(names.map((name) => [name, f.local(name, 'i32')]))
  return {
    ...{ f, ...rows, ...state, heads, headsPerGroup, headDimension, scale, scratch, unit, to },
    ...{ width, panelBytes, scores, running, sums },
    ...(variables as Record<(typeof names)[number], Local<'i32'>>),
  }
}

type Unit = ReturnType<typeof declare>

/** For each token of the task that sees keys of the page: counts them in `keys` and emits the body. */
function forTokens(u: Unit, body: () => void): void {
  const { f, keys, token } = u
  f.set(u.firstQuery, 0)
  f.set(token, u.first)
  f.forRange(token, u.behindLast, 1, () => {
    const seen = sum(load('i32.load', sum(u.positions, op('i32.mul', token, 4))), 1)
    f.set(keys, op('i32.sub', seen, op('i32.mul', u.page, PAGE_LENGTH)))
    f.if(op('i32.gt_s', keys, PAGE_LENGTH), () => f.set(keys, PAGE_LENGTH))
    f.set(u.headOfGroup, 0)
    f.if(op('i32.gt_s', keys, 0), body)
    f.increase(u.firstQuery, u.headsPerGroup)
  })
}

function forHeads({ f, headOfGroup, headsPerGroup }: Unit, body: () => void): void {
  f.set(headOfGroup, 0)
  f.forRange(headOfGroup, headsPerGroup, 1, body)
}

/**
 * Brings the first rows of the panel into the scratch memory, as floats. Floats are copied, too: the products go over a
 * panel in stripes, and to read memory in stripes would be slow.
 */
function fetched(u: Unit, parts: AttentionParts, type: CacheType, rows: I32): I32 {
  const bytes = op('i32.mul', u.width, rows)
  if (type === 'f32') u.f.copy(u.scratch, u.panel, bytes)
  else u.f.call(parts.unpackHalves, u.panel, u.scratch, bytes)
  return u.scratch
}

function reset(u: Unit): void {
  u.f.store('f32.store', runningOf(u), 0, Number.NEGATIVE_INFINITY)
  u.f.store('f32.store', runningOf(u), 4, 0)
  clear(u, sumsOf(u), u.width)
}

function scorePage(u: Unit, parts: AttentionParts, keys: I32): void {
  const headBytes = op('i32.mul', u.headDimension, 4)
  forTokens(u, () => {
    const query = sum(u.queries, op('i32.mul', u.token, u.queryStride), offsetOfHead(u))
    const scores = [scoresOf(u), SCORE_BYTES, SCORE_BYTES] as const
    clear(u, scoresOf(u), op('i32.mul', u.headsPerGroup, SCORE_BYTES))
    u.f.call(parts.panelProduct, query, headBytes, u.headsPerGroup, u.headDimension, keys, SCORE_BYTES, ...scores)
    forHeads(u, () => {
      u.f.call(parts.softmaxPage, scoresOf(u), u.keys, u.scale, runningOf(u), sumsOf(u), u.width)
    })
  })
}

function mixPage(u: Unit, parts: AttentionParts, values: I32): void {
  forTokens(u, () => {
    const weights = [scoresOf(u), SCORE_BYTES, u.headsPerGroup, u.keys] as const
    u.f.call(parts.panelProduct, ...weights, values, u.width, sumsOf(u), u.width, u.width)
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
const queryOf = (u: Unit): I32 => sum(u.firstQuery, u.headOfGroup)
const scoresOf = (u: Unit): I32 => sum(u.scores, op('i32.mul', queryOf(u), SCORE_BYTES))
const runningOf = (u: Unit): I32 => sum(u.running, op('i32.mul', queryOf(u), 8))
const sumsOf = (u: Unit): I32 => sum(u.sums, op('i32.mul', queryOf(u), u.width))

function offsetOfHead(u: Unit): I32 {
  const head = sum(op('i32.mul', u.head, u.headsPerGroup), u.headOfGroup)
  return op('i32.mul', head, op('i32.mul', u.headDimension, 4))
}

function clear({ f }: Unit, start: I32, bytes: I32): void {
  const address = f.let('address', start)
  f.forRange(address, f.let('behind', sum(address, bytes)), 16, () => f.store('v128.store', address, 0, zeroVector()))
}
