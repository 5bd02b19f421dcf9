/*
 * Has one allocation of array buffers fail as it does when the system has no memory left. What the runtime allocates for
 * itself, and for strings and objects, is not reached: there a process ends.
 */

let left = Number.POSITIVE_INFINITY
let seen = 0

/** Lets the n-th allocation from now on fail, counted from 1. */
export function failAllocation(n: number): void {
  left = n
  seen = 0
}

/** Allocations since `failAllocation`. */
export function allocationsSeen(): number {
  return seen
}

function allocate(message: string): void {
  seen++
  if (--left === 0) throw new RangeError(message)
}

const ARRAYS = 'Int8 Uint8 Uint8Clamped Int16 Uint16 Int32 Uint32 Float32 Float64 BigInt64 BigUint64'.split(' ')

/** Puts itself before all constructors of buffers in this thread, for good. */
export function watchAllocations(): void {
  const global = globalThis as Record<string, unknown>
  for (const name of [...ARRAYS.map((array) => `${array}Array`), 'ArrayBuffer', 'SharedArrayBuffer']) {
    global[name] = watched(global[name] as new (...given: never[]) => object)
  }
  const { Memory } = WebAssembly
  WebAssembly.Memory = new Proxy(Memory, {
    construct(target, given: [WebAssembly.MemoryDescriptor]) {
      allocate('WebAssembly.Memory(): could not allocate memory')
      return Reflect.construct(target, given)
    },
  })
}

/** A view of a buffer that is there takes nothing. */
function watched<Constructor extends new (...given: never[]) => object>(original: Constructor): Constructor {
  return new Proxy(original, {
    construct(target, given: unknown[], newTarget) {
      const [first] = given
      const isView = typeof first === 'object' && first !== null && 'byteLength' in first && !ArrayBuffer.isView(first)
      if (!isView) allocate('Array buffer allocation failed')
      return Reflect.construct(target, given, newTarget)
    },
  })
}
