/** Bytes of memory that this machine has, or that the process may take of it. */
export async function machineMemory(): Promise<number> {
  const { totalmem } = await import('node:os')
  // 0 or a number beyond all memory where nothing constrains the process.
  const limit = process.constrainedMemory?.() ?? 0
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}

/** Bytes that this process may still take; undefined where nothing tells. */
export function availableMemory(): number | undefined {
  return process.availableMemory?.()
}

/** Bytes of memory that the system has moved to a disk; 0 where it does not say. */
export async function swappedMemory(): Promise<number> {
  const { readFile } = await import('node:fs/promises')
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '')
  const kibibytes = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0)
  return 1024 * (kibibytes('SwapTotal') - kibibytes('SwapFree'))
}
