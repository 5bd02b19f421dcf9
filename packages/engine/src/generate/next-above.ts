/**
 * The first index, from `from` on, whose value is above a threshold or NaN; the length where there is none. In a
 * vocabulary hardly any value is, so eight at a time are passed over with one decision.
 */
export function nextAbove(values: Float32Array, from: number, threshold: number): number {
  let at = from
  for (const end = values.length - 7; at < end; at += 8) {
    const passes =
      values[at] <= threshold &&
      values[at + 1] <= threshold &&
      values[at + 2] <= threshold &&
      values[at + 3] <= threshold &&
      values[at + 4] <= threshold &&
      values[at + 5] <= threshold &&
      values[at + 6] <= threshold &&
      values[at + 7] <= threshold
    if (!passes) break
  }
  while (at < values.length && values[at] <= threshold) at++
  return at
}
