/** What a figure has to say about where it was measured. */
export interface Machine {
  readonly cpu: string
  /** Vector extensions the CPU reports; empty where the system does not list them. */
  readonly simd: readonly string[]
  readonly cores: number
  readonly platform: string
  /** The browser, in its own words. */
  readonly node: string
}

/** Browsers tell nothing of the processor but how many there are, and not always that. */
export function describeMachine(): Machine {
  const { hardwareConcurrency, platform, userAgent } = navigator
  return { cpu: 'unknown', simd: [], cores: hardwareConcurrency, platform, node: userAgent }
}
