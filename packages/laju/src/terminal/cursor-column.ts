const TAB = 8
const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/u
const INVISIBLE = /^[\p{Mark}\p{Format}]+$/u

const segmenter = new Intl.Segmenter()

/**
 * The column the cursor is in after `text` was printed from `column`, on a terminal `columns` wide that wraps long
 * lines. The answer is `columns` when the last character filled the line and the wrap is still to come.
 */
export function columnAfter(text: string, column: number, columns: number): number {
  let now = column
  for (const { segment } of segmenter.segment(text)) {
    if (segment === '\n' || segment === '\r\n') now = 0
    else if (segment === '\t') now = Math.min(columns - 1, now + TAB - (now % TAB))
    else {
      const width = graphemeWidth(segment)
      now = now + width > columns ? width : now + width
    }
  }
  return now
}

function graphemeWidth(grapheme: string): number {
  if (INVISIBLE.test(grapheme)) return 0
  return WIDE.test(grapheme) ? 2 : 1
}
