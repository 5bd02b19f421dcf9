import type { CacheType } from '../../backend.ts'
import { type I32, load, op, sum } from '../emitter/expression.ts'
import { FunctionBuilder } from '../emitter/function.ts'
import { isOfIntegers } from '../layout/key-value-pages.ts'
import { RUN_PAGES, RUN_TOKENS, type RunParts } from './attention-runs.ts'
import {
  type AttentionForm,
  type AttentionUnit,
  clear,
  declareUnit,
  forHeads,
  forTokens,
  keptOf,
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

/** With so many units for each thread none is idle for long. */
const ENOUGH_UNITS = 4

/** Whether threads would be idle with so many units in all, unless runs of pages are units of their own. */
export function wantsRuns(units: number, threads: number): boolean {
  return threads > 1 && units < ENOUGH_UNITS * threads
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
 * rescaled when a page raises the maximum (online softmax, arXiv 1805.02867), and begins anew with each run of pages
 * (attention-runs.ts). What one query computes does not depend on the queries beside it.
 *
 * With `runs` above 1, each run of a task is a unit of its own, whose results stay in `keptOfRuns` for `join_runs`: tasks
 * are counted slowest, then runs. A task may have fewer runs.
 */
export function attentionKernel(type: CacheType, form: AttentionForm, parts: RunParts): FunctionBuilder {
  const f = new FunctionBuilder(`attention_${type}`)
  const u = declareUnit(f, type)
  const behind = f.local('behind', 'i32')
  const first = f.local('firstUnit', 'i32')
  f.set(first, u.from)
  f.forRange(first, u.to, op('i32.sub', behind, first), () => {
    const run = f.let('runOfTask', op('i32.div_u', first, u.unitsOfTask))
    const task = f.let('task', sum(u.tasks, op('i32.mul', op('i32.div_u', run, u.runs), TASK_BYTES)))
    f.set(u.run, op('i32.rem_u', run, u.runs))
    f.set(u.first, load('i32.load', task, 0))
    f.set(u.tokens, load('i32.load', task, 4))
    f.set(u.behindLast, sum(u.first, u.tokens))
    choosePages(u, load('i32.load', task, 12))
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
    const forQueries = (body: () => void): void => forUnits(() => forTokens(u, () => forHeads(u, body)))
    f.set(u.page, u.firstPage)
    forQueries(() => {
      empty(u)
      form.takeQuery(u, sum(u.queries, op('i32.mul', u.token, u.queryStride), offsetOfHead(u)))
    })
    f.forRange(u.page, u.behindPages, 1, () => {
      const beginsRun = op('i32.eqz', op('i32.rem_u', u.page, RUN_PAGES))
      f.if(op('i32.and', beginsRun, op('i32.gt_u', u.page, u.firstPage)), () => forQueries(() => beginRun(u, parts)))
      const entry = load('i32.load', sum(load('i32.load', task, 8), op('i32.mul', u.page, 4)))
      const page = f.let('pageStart', sum(u.pages, op('i32.mul', entry, u.pageBytes)))
      forUnits(() => {
        f.set(u.panel, sum(page, op('i32.mul', u.head, u.headBytes)))
        // The task's last token stands last in its sequence and sees the most keys.
        f.set(u.keys, keysOf(u, op('i32.sub', u.behindLast, 1)))
        form.meetPage(u)
      })
    })
    f.set(u.page, u.firstPage)
    forQueries(() => finish(u, parts))
  })
  return f
}

/** All pages of the task, of which there are so many, or those of the run. */
function choosePages({ f, runs, run, firstPage, behindPages }: AttentionUnit, pages: I32): void {
  f.set(firstPage, op('i32.mul', run, RUN_PAGES))
  f.set(behindPages, pages)
  f.if(op('i32.gt_u', runs, 1), () => {
    const behindRun = f.let('behindRun', sum(firstPage, RUN_PAGES))
    f.if(op('i32.gt_u', behindPages, behindRun), () => f.set(behindPages, behindRun))
  })
}

/** The end of the units from the first on that belong to its run of its task and whose queries have room together. */
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

/** Empties what a query adds up. */
function empty(u: AttentionUnit): void {
  const { f } = u
  f.store('f32.store', runningOf(u), 0, Number.NEGATIVE_INFINITY)
  f.store('f32.store', runningOf(u), 4, 0)
  clear(u, sumsOf(u), u.width)
}

/** Keeps what a query has of the run before, joined with those before that. */
function beginRun(u: AttentionUnit, parts: RunParts): void {
  const { f } = u
  const isSecond = f.let('isSecond', op('i32.eq', u.page, RUN_PAGES))
  f.if(isSecond, () => f.call(parts.keepRun, keptOf(u), runningOf(u), sumsOf(u), u.width))
  f.if(op('i32.eqz', isSecond), () => f.call(parts.joinRun, keptOf(u), runningOf(u), sumsOf(u), u.width))
  empty(u)
}

/** Writes the output of a query; of a run that is a unit of its own, what it has come to. */
function finish(u: AttentionUnit, { keepRun, joinRun, writeAttended }: RunParts): void {
  const { f } = u
  const isSplit = f.let('isSplit', op('i32.gt_u', u.runs, 1))
  f.if(isSplit, () => f.call(keepRun, keptOfRun(u), runningOf(u), sumsOf(u), u.width))
  f.if(op('i32.eqz', isSplit), () => {
    const target = f.let('target', sum(u.output, op('i32.mul', u.token, u.outputStride), offsetOfHead(u)))
    const sums = f.let('attended', sumsOf(u))
    const running = f.let('runningOfAll', runningOf(u))
    const position = load('i32.load', sum(u.positions, op('i32.mul', u.token, 4)))
    f.if(op('i32.ge_u', position, RUN_TOKENS), () => {
      f.call(joinRun, keptOf(u), running, sums, u.width)
      f.set(sums, keptOf(u))
      f.set(running, sum(sums, u.width))
    })
    f.call(writeAttended, target, sums, running, u.headDimension)
  })
}

/** Where `join_runs` finds the present run of the present query. */
function keptOfRun(u: AttentionUnit): I32 {
  const run = sum(op('i32.mul', u.token, u.runs), u.run)
  const row = op('i32.mul', run, op('i32.mul', u.heads, u.headsPerGroup))
  return sum(u.keptOfRuns, op('i32.mul', sum(row, u.firstHead, u.headOfUnit), u.runBytes))
}

function offsetOfHead(u: AttentionUnit): I32 {
  return op('i32.mul', sum(u.firstHead, u.headOfUnit), op('i32.mul', u.headDimension, 4))
}
