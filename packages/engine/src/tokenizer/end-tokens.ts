/** Texts of control tokens that end a reply in one family or another, whether or not a file says so. */
const END_TEXTS = [
  '<|endoftext|>',
  '<|end_of_text|>',
  '<|im_end|>',
  '<|eot_id|>',
  '<|eom_id|>',
  '<|end|>',
  '<|return|>',
  '<|call|>',
  '<end_of_turn>',
  '<end_of_utterance>',
  '<|end_of_sentence|>',
  '<｜end▁of▁sentence｜>',
  '<EOT>',
  '[EOT]',
  '[EOS]',
  '</s>',
]

/**
 * The ids that end a reply: those that the file names, and control tokens whose text is known to end a turn. Many
 * files name only one of the two or three that their model uses.
 */
export function endTokens(named: Iterable<number>, controlTokens: ReadonlyMap<string, number>): ReadonlySet<number> {
  const ends = new Set(named)
  for (const text of END_TEXTS) {
    // In the harmony format `<|end|>` ends one message of a reply, and `<|return|>` or `<|call|>` ends the reply.
    if (text === '<|end|>' && controlTokens.has('<|return|>')) continue
    const id = controlTokens.get(text)
    if (id !== undefined) ends.add(id)
  }
  return ends
}
