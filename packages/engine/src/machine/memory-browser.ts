/** What a browser that does not tell has at least. */
const UNKNOWN = 4 * 2 ** 30

/**
 * Bytes of memory that this machine has, as far as the browser tells: Chromium says at most 8 GiB, and others nothing
 * (https://www.w3.org/TR/device-memory/).
 */
export async function machineMemory(): Promise<number> {
  const { deviceMemory } = navigator as { deviceMemory?: number }
  return deviceMemory === undefined ? UNKNOWN : deviceMemory * 2 ** 30
}

/** Bytes that a tab may still take: browsers do not tell. */
export function availableMemory(): number | undefined {
  return undefined
}

/** Bytes of memory that the system has moved to a disk: browsers do not tell. */
export async function swappedMemory(): Promise<number> {
  return 0
}
