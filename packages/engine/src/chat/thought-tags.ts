/** The texts around a thought in a model's reply. */
export interface ThoughtTags {
  readonly open: string
  readonly close: string
}

const KNOWN: readonly ThoughtTags[] = [
  { open: '<think>', close: '</think>' },
  { open: '<seed:think>', close: '</seed:think>' },
  { open: '[THINK]', close: '[/THINK]' },
]

/** The tags a chat template speaks of, if any. */
export function thoughtTagsOf(source: string): ThoughtTags | undefined {
  return KNOWN.find((tags) => source.includes(tags.open) || source.includes(tags.close))
}
