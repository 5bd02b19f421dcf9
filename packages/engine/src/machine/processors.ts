import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'

/* For Node: whoever browsers load imports this on use. */

export interface Processors {
  /** That the machine has. */
  readonly present: number
  /** That this process may use at once, as far as the system tells: fewer where it is bound to some, or in a container. */
  readonly usable: number
  /** Processors' worth of time that its container is given; undefined where nothing limits it. */
  readonly quota: number | undefined
  /** The part of its container's periods in which that ran out, from 0 to 1. */
  readonly throttled: number
  /** Programs that want to run at the same time, averaged over a minute; 0 where the system does not say. */
  readonly load: number
}

export function describeProcessors(read: (path: string) => string = readQuietly): Processors {
  return {
    present: cpus().length,
    usable: availableParallelism(),
    quota: quotaOf(read),
    throttled: throttledOf(read),
    load: loadavg()[0] ?? 0,
  }
}

const CONTAINER = '/sys/fs/cgroup'

/** Of control groups, version 2: `quota period` or `max period`; or 1: -1 for none. */
function quotaOf(read: (path: string) => string): number | undefined {
  const [quota, period] = read(`${CONTAINER}/cpu.max`).trim().split(' ')
  const old = () => [read(`${CONTAINER}/cpu/cpu.cfs_quota_us`), read(`${CONTAINER}/cpu/cpu.cfs_period_us`)] as const
  const [time, every] = (period === undefined ? old() : [quota, period]).map(Number)
  return time > 0 && every > 0 ? time / every : undefined
}

function throttledOf(read: (path: string) => string): number {
  const text = read(`${CONTAINER}/cpu.stat`) || read(`${CONTAINER}/cpu/cpu.stat`)
  const field = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
  const periods = field('nr_periods')
  return periods > 0 ? Math.min(1, field('nr_throttled') / periods) : 0
}

/** Other systems have no such files. */
function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
