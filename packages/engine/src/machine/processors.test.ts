import { describe, expect, it } from 'vitest'
import { describeProcessors } from './processors.ts'

function processorsWith(files: Record<string, string>) {
  return describeProcessors((path) => files[path] ?? '')
}

describe('processors', () => {
  it('are limited by a container of either version, or by none', () => {
    expect(processorsWith({}).quota).toBeUndefined()
    expect(processorsWith({ '/sys/fs/cgroup/cpu.max': 'max 100000\n' }).quota).toBeUndefined()
    expect(processorsWith({ '/sys/fs/cgroup/cpu.max': '150000 100000\n' }).quota).toBe(1.5)
    const old = (quota: string) => ({
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': quota,
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    })
    expect(processorsWith(old('-1\n')).quota).toBeUndefined()
    expect(processorsWith(old('200000\n')).quota).toBe(2)
  })

  it('are throttled in a part of the periods', () => {
    expect(processorsWith({}).throttled).toBe(0)
    const stat = 'usage_usec 5\nnr_periods 200\nnr_throttled 50\nthrottled_usec 7\n'
    expect(processorsWith({ '/sys/fs/cgroup/cpu.stat': stat }).throttled).toBe(0.25)
  })

  it('are at least one here', () => {
    const { present, usable } = describeProcessors()
    expect(usable).toBeGreaterThan(0)
    expect(present).toBeGreaterThan(0)
  })
})
