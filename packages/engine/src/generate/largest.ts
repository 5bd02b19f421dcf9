import { nextAbove } from './next-above.ts'

/**
 * The ids of the k largest values, largest first, lower ids first among equals, without sorting the rest: a heap of
 * the best k so far whose root is the worst of them, which nearly every value fails to beat in one comparison.
 * The values must not be NaN.
 */
export function largest(values: Float32Array, k: number): number[] {
  const heap: number[] = []
  const size = Math.min(k, values.length)
  if (size === 0) return heap
  for (let id = 0; id < size; id++) heap.push(id)
  for (let at = (size >> 1) - 1; at >= 0; at--) sink(heap, at, values)

  let threshold = values[heap[0]]
  for (let id = nextAbove(values, size, threshold); id < values.length; id = nextAbove(values, id + 1, threshold)) {
    heap[0] = id
    sink(heap, 0, values)
    threshold = values[heap[0]]
  }
  return heap.sort((a, b) => (worse(values, a, b) ? 1 : -1))
}

function worse(values: Float32Array, a: number, b: number): boolean {
  return values[a] < values[b] || (values[a] === values[b] && a > b)
}

function sink(heap: number[], start: number, values: Float32Array): void {
  const id = heap[start]
  let at = start
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && worse(values, heap[child + 1], heap[child])) child++
    if (!worse(values, heap[child], id)) break
    heap[at] = heap[child]
    at = child
  }
  heap[at] = id
}
