/** Shorter likenesses are chance. */
const SHORTEST = 3
/** Longer ones tell no more. */
const LONGEST = 8

/**
 * Guesses what follows some tokens by what followed the last of them earlier: where a reply repeats or edits what is in
 * the prompt, that is mostly right (Saxena 2023, "Prompt lookup decoding"). The longest likeness counts, the latest
 * among equals.
 * @returns `count` tokens, or none where the last three are not found earlier
 */
export function lookUp(ids: readonly number[], count: number): number[] {
  const end = ids.length
  let longest = SHORTEST - 1
  let follows = end
  for (let at = end - 1; at >= SHORTEST && longest < LONGEST; at--) {
    if (ids[at - 1] !== ids[end - 1]) continue
    const length = commonEnd(ids, at, end)
    if (length <= longest) continue
    longest = length
    follows = at
  }
  const guesses: number[] = []
  if (follows === end) return guesses
  for (let from = follows; guesses.length < count; from++) guesses.push(from < end ? ids[from] : guesses[from - end])
  return guesses
}

/** How many tokens before `a` are those before `b`, up to the longest that counts. */
function commonEnd(ids: readonly number[], a: number, b: number): number {
  const limit = Math.min(a, LONGEST)
  let length = 0
  while (length < limit && ids[a - 1 - length] === ids[b - 1 - length]) length++
  return length
}
