import type { CacheType } from '../../backend.ts'
import { type I32, load, op, sum } from '../emitter/expression.ts'
import { FunctionBuilder } from '../emitter/function.ts'
import { isOfIntegers } from '../layout/key-value-pages.ts'
import {
  type AttentionForm,
  type AttentionUnit,
  clear,
  declareUnit,
  forHeads,
  forTokens,
  keysOf,
  runningOf,
  sumsOf,
  TASK_BYTES,
  TASK_TOKENS,
  UNIT_HEADS,
} from './attention-unit.ts'

/** Units of work of a task. */
export function attentionUnits(keyValueHeads: number, headsPerGroup: number): number {
  return keyValueHeads * Math.ceil(headsPerGroup / UNIT_HEADS)
}

/**
 * Units that one call takes, of `units` of a task. Alone, a thread takes as many as are read fastest together; of
 * several, half of its share, so that one that is slow can be helped. Two heads of integers are read faster together than
 * one or all, as measured, and why is not known.
 */
export function attentionUnitsAtOnce(units: number, threads: number, type: CacheType): number {
  if (threads > 1) return Math.ceil(units / (2 * threads))
  return isOfIntegers(type) ? Math.min(2, units) : units
}

/**
 * Emits `attention_TYPE`: out[t][h] = sum over j <= position(t) of softmax over j of (scale q[t][h] . k[j]) v[j].
 *
 * A unit of work is a task (up to 16 neighbouring tokens of one sequence) and up to four query heads that share a
 * key-value head; [from, to) counts units, heads fastest. Units of few tokens are done together where they follow each
 * other, so that their heads of a page are read one after another: memory is fastest read in long runs.
 *
 * A unit goes through the sequence's pages once: all its queries meet a page's keys, then its values; both are read from
 * one end to the other. Each query keeps a running maximum, the sum of exponentials and the weighted sum of values,
 * rescaled when a page raises the maximum (online softmax, arXiv 1805.02867). What one query computes does not depend on
 * the queries beside it.
 */
export function attentionKernel(type: CacheType, form: AttentionForm): FunctionBuilder {
  const f = new FunctionBuilder(`attention_${type}`)
  const u = declareUnit(f, type)
  const behind = f.local('behind', 'i32')
  const first = f.local('firstUnit', 'i32')
  f.set(first, u.from)
  f.forRange(first, u.to, op('i32.sub', behind, first), () => {
    const task = f.let('task', sum(u.tasks, op('i32.mul', op('i32.div_u', first, u.unitsOfTask), TASK_BYTES)))
    f.set(u.first, load('i32.load', task, 0))
    f.set(u.tokens, load('i32.load', task, 4))
    f.set(u.behindLast, sum(u.first, u.tokens))
    f.set(behind, unitsTogether(u, first))
    const forUnits = (body: () => void): void => {
      f.set(u.unit, first)
      f.set(u.queriesBefore, 0)
      f.forRange(u.unit, behind, 1, () => {
        chooseHeads(u)
        body()
        f.increase(u.queriesBefore, u.count)
      })
    }
    f.set(u.page, 0)
    forUnits(() => forTokens(u, () => forHeads(u, () => reset(u, form))))
    f.forRange(u.page, load('i32.load', task, 12), 1, () => {
      const entry = load('i32.load', sum(load('i32.load', task, 8), op('i32.mul', u.page, 4)))
      const page = f.let('pageStart', sum(u.pages, op('i32.mul', entry, u.pageBytes)))
      forUnits(() => {
        f.set(u.panel, sum(page, op('i32.mul', u.head, u.headBytes)))
        // The task's last token stands last in its sequence and sees the most keys.
        f.set(u.keys, keysOf(u, op('i32.sub', u.behindLast, 1)))
        form.meetPage(u)
      })
    })
    f.set(u.page, 0)
    forUnits(() => forTokens(u, () => forHeads(u, () => writeOutput(u))))
  })
  return f
}

/** The end of the units from the first on that belong to its task and whose queries have room together. */
function unitsTogether({ f, to, tokens, unitsOfTask }: AttentionUnit, first: I32): I32 {
  const ofTask = op('i32.mul', sum(op('i32.div_u', first, unitsOfTask), 1), unitsOfTask)
  const behind = f.let('behindUnits', sum(first, op('i32.div_u', TASK_TOKENS, tokens)))
  for (const limit of [to, ofTask]) f.if(op('i32.gt_u', behind, limit), () => f.set(behind, limit))
  return behind
}

/** The key-value head of the unit, its first query head, how many there are, and how many queries. */
function chooseHeads({ f, unit, unitsOfTask, unitsOfHead, head, headsPerGroup, ...u }: AttentionUnit): void {
  const unitOfTask = f.let('unitOfTask', op('i32.rem_u', unit, unitsOfTask))
  f.set(head, op('i32.div_u', unitOfTask, unitsOfHead))
  f.set(u.firstHead, op('i32.mul', op('i32.rem_u', unitOfTask, unitsOfHead), UNIT_HEADS))
  f.set(u.unitHeads, op('i32.sub', headsPerGroup, u.firstHead))
  f.if(op('i32.gt_u', u.unitHeads, UNIT_HEADS), () => f.set(u.unitHeads, UNIT_HEADS))
  f.increase(u.firstHead, op('i32.mul', head, headsPerGroup))
  f.set(u.count, op('i32.mul', u.tokens, u.unitHeads))
}

/** Empties what a query keeps, and takes it in. */
function reset(u: AttentionUnit, form: AttentionForm): void {
  const { f } = u
  f.store('f32.store', runningOf(u), 0, Number.NEGATIVE_INFINITY)
  f.store('f32.store', runningOf(u), 4, 0)
  clear(u, sumsOf(u), u.width)
  form.takeQuery(u, sum(u.queries, op('i32.mul', u.token, u.queryStride), offsetOfHead(u)))
}

/** Divides the sums by the sum of exponentials; a head's columns beyond whole vectors are written one by one. */
function writeOutput(u: AttentionUnit): void {
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

function offsetOfHead(u: AttentionUnit): I32 {
  return op('i32.mul', sum(u.firstHead, u.headOfUnit), op('i32.mul', u.headDimension, 4))
}
