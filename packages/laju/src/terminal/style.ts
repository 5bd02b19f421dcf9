import { styleText } from 'node:util'

export interface Style {
  /** Whether the marks below change anything. */
  readonly coloured: boolean
  dim(text: string): string
  bold(text: string): string
}

/** Colours only for a person at a terminal who did not switch them off (https://no-color.org). */
export function styleOf(stream: { readonly isTTY?: boolean }): Style {
  const coloured = stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
  const mark = (format: 'dim' | 'bold') => (text: string) => {
    return coloured ? styleText(format, text, { validateStream: false }) : text
  }
  return { coloured, dim: mark('dim'), bold: mark('bold') }
}
