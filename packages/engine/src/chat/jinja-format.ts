import { isNumber, pythonText, type Value } from './jinja-values.ts'

/** Python's `text % (values…)` for the directives that templates use. @throws Error for any other. */
export function formatPercent(format: string, values: readonly Value[]): string {
  let next = 0
  const text = format.replace(/%(.?)/gs, (_, directive: string) => {
    if (directive === '%') return '%'
    const value = values[next++]
    if (value === undefined) throw new Error('not enough arguments for format string')
    if (directive === 's') return pythonText(value)
    if ((directive === 'd' || directive === 'i') && isNumber(value)) return String(Math.trunc(value.value))
    throw new Error(`"%${directive}" cannot be formatted with ${value.type}`)
  })
  if (next < values.length) throw new Error('not all arguments converted during string formatting')
  return text
}

/** Python's `text.format(…)` for fields without a format of their own: `{}`, `{0}`, `{name}`. @throws Error */
export function formatBraces(format: string, values: readonly Value[], named: ReadonlyMap<string, Value>): string {
  let next = 0
  return format.replace(/\{\{|\}\}|\{(\w*)\}|[{}]/g, (found, field?: string) => {
    if (found === '{{' || found === '}}') return found[0] ?? ''
    if (field === undefined) throw new Error(`"${format.slice(0, 80)}" is not a format that templates may use`)
    const value = field === '' ? values[next++] : (named.get(field) ?? values[Number(field)])
    if (value === undefined) throw new Error(`no argument for the field {${field}}`)
    return pythonText(value)
  })
}
