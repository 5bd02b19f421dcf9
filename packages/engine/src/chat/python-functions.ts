import { formatBraces } from './jinja-format.ts'
import {
  type Arguments,
  asValue,
  charactersOf,
  isList,
  isNull,
  isNumber,
  isText,
  isUndefined,
  LONGEST_TEXT,
  listValue,
  pythonText,
  textValue,
  type Value,
} from './jinja-values.ts'

/*
 * What filters, methods and operators of templates do, as Python and jinja2 do it.
 */

/** Filters that take anything as text: `str(value)` is their first step in jinja2. */
const TEXT_FILTERS = new Set(['trim', 'upper', 'lower', 'title', 'capitalize', 'replace'])
/** Filters to which an undefined value is an empty list. */
const LIST_FILTERS = new Set(['list', 'first', 'last', 'sort', 'reverse', 'unique', 'length', 'min', 'max'])
/** JavaScript looks for a text in another in time that grows with the product of their lengths, at worst. */
const LONGEST_SEARCH = 2 ** 32
/** An indentation beyond it is an attack on memory. */
const WIDEST_INDENT = 512

export const TEXT_METHODS: Readonly<Record<string, (text: string, args: Arguments) => string>> = {
  format: (text, { values, named }) => formatBraces(text, values, named),
  strip: (text, args) => stripped(text, args, true, true),
  lstrip: (text, args) => stripped(text, args, true, false),
  rstrip: (text, args) => stripped(text, args, false, true),
}

function stripped(text: string, { values: [given] }: Arguments, start: boolean, end: boolean): string {
  if (given === undefined || isNull(given)) return start ? (end ? text.trim() : text.trimStart()) : text.trimEnd()
  const characters = new Set(pythonText(given))
  let [from, to] = [0, text.length]
  while (start && from < to && characters.has(text[from])) from++
  while (end && to > from && characters.has(text[to - 1])) to--
  return text.slice(from, to)
}

export function repeated(text: string, count: number): string {
  if (count * text.length > LONGEST_TEXT) throw new Error('its text grew without end')
  return text.repeat(Math.max(0, count))
}

/** What a loop goes over. */
export function iterated(value: Value): Value {
  if (isUndefined(value)) return listValue([])
  if (isText(value)) return listValue(charactersOf(value.value))
  return value
}

/** The library takes only lists apart, not tuples. */
export function unpackable(value: Value): Value {
  if (!isList(value)) return value
  return listValue(
    value.value.map((item) => (item.type === 'TupleValue' && isList(item) ? listValue(item.value) : item)),
  )
}

/** The operand as jinja2's filter would take it. */
export function filterOperand(name: string, operand: Value): Value {
  if (TEXT_FILTERS.has(name) && !isText(operand)) return textValue(pythonText(operand))
  if (LIST_FILTERS.has(name) && isUndefined(operand)) return listValue([])
  return operand
}

export function checkSearch(wanted: Value | undefined, text: string): void {
  if (wanted !== undefined && isText(wanted) && wanted.value.length * text.length > LONGEST_SEARCH) {
    throw new Error('it looks for too long a text')
  }
}

export function checkIndent({ values, named }: Arguments): void {
  for (const value of [...values, ...named.values()]) {
    if (isNumber(value) && value.value > WIDEST_INDENT) throw new Error(`an indentation of over ${WIDEST_INDENT}`)
  }
}

export function join(operand: Value, { values, named }: Arguments): Value {
  const items = iterated(operand)
  if (!isList(items)) throw new Error(`${operand.type} cannot be joined`)
  const separator = values[0] ?? named.get('d')
  const attribute = values[1] ?? named.get('attribute')
  const texts = items.value.map((item) => pythonText(attribute === undefined ? item : fieldOf(item, attribute)))
  return textValue(texts.join(separator === undefined ? '' : pythonText(separator)))
}

function fieldOf(item: Value, name: Value): Value {
  const field = item.value instanceof Map ? (item.value.get(name.value) as Value | undefined) : undefined
  return field ?? asValue(undefined)
}

/** The smallest or largest of numbers or texts. @param sign −1 for the smallest */
export function extreme(items: readonly Value[], sign: number): Value {
  let best = items.at(0) ?? asValue(undefined)
  for (const item of items) if (sign * compare(item, best) > 0) best = item
  return best
}

function compare(a: Value, b: Value): number {
  if (isNumber(a) && isNumber(b)) return a.value - b.value
  if (!isText(a) || !isText(b)) throw new Error(`${a.type} and ${b.type} cannot be compared`)
  const [left, right] = [a.value.toLowerCase(), b.value.toLowerCase()]
  return left < right ? -1 : left > right ? 1 : 0
}

export function sortedItems(operand: Value): Value | undefined {
  const items = (operand as { items?: () => Value }).items?.()
  if (items === undefined || !isList(items)) return undefined
  const keyOf = (item: Value) => (item.value as readonly Value[])[0]
  return listValue([...items.value].sort((a, b) => compare(keyOf(a), keyOf(b))))
}

export function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&#34;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, (character) => entities[character])
}
