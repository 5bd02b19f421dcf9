import { readFileSync, writeFileSync } from 'node:fs'

/*
 * What one piece of work takes of memory: of the process, by the peak that the system keeps (Linux; elsewhere by the
 * peak of the whole process so far), and of array buffers, by every constructor that is called, whether or not the
 * memory is ever touched: the system does not count what is only reserved.
 */

let reserved = 0

/** Counts the bytes that constructors of buffers and arrays are asked for, from now on. */
export function countReservations(): void {
  const global = globalThis as Record<string, unknown>
  for (const name of ['Int8', 'Uint8', 'Uint8Clamped', 'Int16', 'Uint16', 'Int32', 'Uint32', 'Float32', 'Float64']) {
    global[`${name}Array`] = counted(global[`${name}Array`] as BytesConstructor)
  }
  global.BigInt64Array = counted(BigInt64Array)
  global.BigUint64Array = counted(BigUint64Array)
  global.ArrayBuffer = counted(ArrayBuffer)
  global.SharedArrayBuffer = counted(SharedArrayBuffer)
  const { Memory } = WebAssembly
  WebAssembly.Memory = new Proxy(Memory, {
    construct(target, [descriptor]: [WebAssembly.MemoryDescriptor]) {
      reserved += descriptor.initial * 65_536
      return new target(descriptor)
    },
  })
  for (const name of ['alloc', 'allocUnsafe'] as const) {
    const original = Buffer[name]
    Buffer[name] = (size: number) => {
      reserved += size
      return original.call(Buffer, size)
    }
  }
}

interface BytesConstructor {
  new (...given: never[]): object
  readonly BYTES_PER_ELEMENT?: number
}

/** A view of a buffer that is there takes nothing. */
function counted<Constructor extends BytesConstructor>(original: Constructor): Constructor {
  return new Proxy(original, {
    construct(target, given: unknown[], newTarget) {
      const [first] = given
      const bytes = target.BYTES_PER_ELEMENT ?? 1
      if (typeof first === 'number') reserved += first * bytes
      else if (typeof first === 'object' && first !== null && 'length' in first)
        reserved += Number(first.length) * bytes
      return Reflect.construct(target, given, newTarget)
    },
  })
}

export interface Taken {
  /** Bytes by which the process grew at most. */
  readonly grown: number
  /** Bytes that constructors were asked for, in all. */
  readonly reserved: number
}

/** Runs something and measures it. */
export async function measured<Result>(work: () => Promise<Result>): Promise<Result & Taken> {
  globalThis.gc?.()
  const isReset = resetPeak()
  reserved = 0
  const before = process.memoryUsage.rss()
  const result = await work()
  const peak = isReset ? peakOfLinux() : process.resourceUsage().maxRSS * 1024
  return { ...result, grown: Math.max(0, peak - before), reserved }
}

/** https://www.kernel.org/doc/html/latest/filesystems/proc.html: 5 resets the peak of the resident set. */
function resetPeak(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5')
    return true
  } catch {
    return false
  }
}

function peakOfLinux(): number {
  const [, kilobytes = '0'] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? []
  return Number(kilobytes) * 1024
}
