import type { NamedPreTokenizer } from './named-pre-tokenizer.ts'
import { namedPreTokenizer, PRE_TOKENIZER_NAMES } from './named-pre-tokenizer.ts'
import type { PreTokenizer } from './pre-tokenizer.ts'

/** Texts that tell tokenizers apart: every two of the known pre-tokenizers cut one of them differently. */
export const PROBES: readonly string[] = [
  "It's they'LL we'VE I'm you'd CAN'T don't 's",
  '1 12 123 1234 12345 3.14159 2026-11-24 x9y99z999 ٣٤٥ Ⅷ½²',
  'camelCase HTTPServer iOS ÉCOLE École straße ǅ ʰ ﬁ',
  'one  two   three\t\tfour \n five\n\n\nsix \r\n seven   ',
  'a,b;c. (d) [e] {f} <g>/h\\i "j" $k €l `m` ~n #o !!! ?!\n\n...\n/\n//\r\n',
  'これは日本語です。中文字符，測試。한국어 텍스트 ไทย हिन्दी नमस्ते עברית עִבְרִית العربية',
  '😀😃 👩‍👩‍👧‍👦 ☃️ ←→ ∑∏ ™© e\u0301 n\u0303o \u200d\u00a0\u3000x',
  '$5 =>x ^y |z+1 _a-b *c* &d @e %f :g',
]

/**
 * The name that llama.cpp has for a pre-tokenizer, found by what it does to some texts; undefined for one that it has no
 * name for.
 * @param ignoresMerges whether a word that is a token is taken whole
 */
export function preTokenizerName(preTokenizer: PreTokenizer, ignoresMerges: boolean): string | undefined {
  const cuts = PROBES.map((text) => wordsOf(preTokenizer, text))
  const does = (named: NamedPreTokenizer): boolean =>
    PROBES.every((text, i) => wordsOf(named.preTokenizer, text) === cuts[i])
  const alike = PRE_TOKENIZER_NAMES.filter((name) => does(namedPreTokenizer(name, name)))
  return alike.find((name) => namedPreTokenizer(name, name).ignoresMerges === ignoresMerges)
}

function wordsOf(preTokenizer: PreTokenizer, text: string): string {
  const words: string[] = []
  preTokenizer.forEachWord(text, true, (whole, start, end) => words.push(whole.slice(start, end)))
  return words.join('\0')
}
