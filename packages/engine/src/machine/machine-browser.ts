import type { Machine } from './machine.ts'

/** Browsers tell nothing of the processor but how many there are, and not always that. */
export function describeMachine(): Machine {
  const { hardwareConcurrency, platform, userAgent } = navigator
  return { cpu: 'unknown', simd: [], cores: hardwareConcurrency, platform, runtime: userAgent }
}
