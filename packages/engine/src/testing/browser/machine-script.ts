import { machineMemory } from '#machine/memory'

/** For the tests of the bench itself. */
export default async function ({ isFailing }: { isFailing: boolean }) {
  if (isFailing) throw Object.assign(new RangeError('as was asked for'), { code: 'asked-for' })
  return { isolated: crossOriginIsolated, memory: await machineMemory() }
}
