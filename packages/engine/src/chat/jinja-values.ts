import { Environment } from '@huggingface/jinja'

/**
 * No text of a template may grow beyond this many characters, nor any value whose text it asks for. A prompt of a million
 * tokens takes half of it; what the slowest filter does with such a text takes half a second and some 500 MB for a moment.
 */
export const LONGEST_TEXT = 8 * 1024 * 1024
export const LONGEST_LIST = 1_000_000

/** A value while a template runs, as @huggingface/jinja has it; `type` tells what `value` is. */
export interface Value {
  readonly type: string
  readonly value: unknown
}
interface TextValue extends Value {
  readonly value: string
}
interface ListValue extends Value {
  readonly value: readonly Value[]
}
interface MapValue extends Value {
  readonly value: ReadonlyMap<string, Value>
}
interface NumberValue extends Value {
  readonly value: number
}
interface DictionaryClass {
  new (entries: ReadonlyMap<string, Value>): MapValue & { readonly builtins: ReadonlyMap<string, Value> }
}

/** The variables that a statement sees. */
export interface Scope {
  set(name: string, value: unknown): Value
}
export const PlainScope: new () => Scope = Environment

/** What a filter or function is given: by position, and by name. */
export interface Arguments {
  readonly values: readonly Value[]
  readonly named: ReadonlyMap<string, Value>
}

/** Plain data as a value. */
export function asValue(data: unknown): Value {
  return new PlainScope().set('value', data)
}

// The library does not export its classes, and `asValue` would take a value for plain data.
const TextClass = asValue('').constructor as new (text: string) => Value
const ListClass = asValue([]).constructor as new (items: readonly Value[]) => ListValue
const PlainDictionary = asValue({}).constructor as DictionaryClass

export const textValue = (text: string): Value => new TextClass(text)
export const listValue = (items: readonly Value[]): ListValue => new ListClass(items)

export const isText = (value: Value): value is TextValue => value.type === 'StringValue'
export const isList = (value: Value): value is ListValue => value.type === 'ArrayValue' || value.type === 'TupleValue'
export const isNull = (value: Value): boolean => value.type === 'NullValue'
export const isUndefined = (value: Value): boolean => value.type === 'UndefinedValue'
export const isNumber = (value: Value): value is NumberValue =>
  value.type === 'IntegerValue' || value.type === 'FloatValue'
const isMap = (value: Value): value is MapValue => value.value instanceof Map

/** The characters of a text, as Python counts them. @throws Error when there are more than LONGEST_LIST. */
export function charactersOf(text: string): Value[] {
  if (text.length > LONGEST_LIST) throw new Error('one of its lists grew without end')
  return Array.from(text, textValue)
}

/** A dictionary whose keys may be numbers: the library knows texts only. */
export function dictionaryValue(entries: readonly (readonly [Value, Value])[]): Value {
  const map = new Map(entries.map(([key, value]) => [String(key.value), value] as const))
  const keys = new Map(entries.map(([key]) => [String(key.value), key]))
  return new (class extends PlainDictionary {
    readonly keyed = keys
    keys(): Value {
      return listValue([...keys.values()])
    }
    items(): Value {
      return listValue([...map].map(([key, value]) => listValue([keys.get(key) ?? textValue(key), value])))
    }
  })(map)
}

/** The entry of a dictionary under a key that is no text: undefined but in those of `dictionaryValue`. */
export function entryOf(dictionary: Value, key: Value): Value {
  const { keyed } = dictionary as { keyed?: ReadonlyMap<string, Value> }
  const name = String(key.value)
  const isKey = keyed?.get(name)?.type === key.type
  return (isKey && isMap(dictionary) ? dictionary.value.get(name) : undefined) ?? asValue(undefined)
}

/** Python's `==`. @throws Error for values that are too large to compare, or contain themselves. */
export function areEqual(left: Value, right: Value): boolean {
  return isAmong(left, [right])
}

/** Python's `in` for lists. @throws Error as `areEqual` does, for the list as a whole. */
export function isAmong(value: Value, items: readonly Value[]): boolean {
  const most = { parts: LONGEST_LIST }
  return items.some((item) => sameParts(value, item, most))
}

/** A comparison of texts takes as long as one part for each so many of their characters. */
const CHARACTERS_A_PART = 1024

function sameParts(left: Value, right: Value, most: { parts: number }): boolean {
  if (left === right) return true
  if (--most.parts < 0) throw new Error('two of its values are too large to compare')
  if (isCounted(left) && isCounted(right)) return Number(left.value) === Number(right.value)
  if (left.type !== right.type) return false
  if (isText(left)) most.parts -= left.value.length / CHARACTERS_A_PART
  if (isList(left) && isList(right)) {
    const others = right.value
    return left.value.length === others.length && left.value.every((item, i) => sameParts(item, others[i], most))
  }
  if (isMap(left) && isMap(right)) {
    const others = right.value
    if (left.value.size !== others.size) return false
    return [...left.value].every(([key, item]) => {
      const other = others.get(key)
      return other !== undefined && sameParts(item, other, most)
    })
  }
  return left.value === right.value
}

const isCounted = (value: Value): boolean => isNumber(value) || value.type === 'BooleanValue'

/**
 * Python's str(). @throws Error when the text would be too long, or the value contains itself.
 */
export function pythonText(value: Value): string {
  if (isText(value)) return value.value
  if (isUndefined(value)) return ''
  checkSize(value)
  return pythonRepr(value)
}

/** Python's repr(). */
function pythonRepr(value: Value): string {
  if (isText(value)) return quoted(value.value)
  if (isList(value)) {
    const items = value.value.map(pythonRepr).join(', ')
    if (value.type === 'ArrayValue') return `[${items}]`
    return value.value.length === 1 ? `(${items},)` : `(${items})`
  }
  if (isMap(value))
    return `{${Array.from(value.value, ([key, item]) => `${quoted(key)}: ${pythonRepr(item)}`).join(', ')}}`
  switch (value.type) {
    case 'NullValue':
      return 'None'
    case 'UndefinedValue':
      return 'Undefined'
    case 'BooleanValue':
      return value.value === true ? 'True' : 'False'
    default:
      return String(value)
  }
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = text.replace(/[\\'"]|[\p{C}\p{Z}]/gu, (character) => {
    if (character === ' ' || (character !== quote && /['"]/.test(character))) return character
    return ESCAPES[character] ?? numbered(character.codePointAt(0) ?? 0)
  })
  return quote + escaped + quote
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

function numbered(code: number): string {
  const [letter, digits] = code < 0x100 ? ['x', 2] : code < 0x10000 ? ['u', 4] : ['U', 8]
  return `\\${letter}${code.toString(16).padStart(Number(digits), '0')}`
}

/**
 * That a value's text is no longer than LONGEST_TEXT, in time linear in its parts: a few lists that hold each other
 * many times over can stand for a text that no machine holds.
 * @throws Error when it is, or when the value contains itself.
 */
export function checkSize(value: Value): void {
  if (sizeOf(value, new Map()) > LONGEST_TEXT) throw new Error('its text grew without end')
}

function sizeOf(value: Value, known: Map<Value, number>): number {
  if (isText(value)) return value.value.length + 2
  if (!isList(value) && !isMap(value)) return 8
  const before = known.get(value)
  if (before !== undefined) {
    if (before < 0) throw new Error('one of its values contains itself')
    return before
  }
  known.set(value, -1)
  let size = 2
  if (isList(value)) for (const item of value.value) size += sizeOf(item, known) + 2
  else for (const [key, item] of value.value) size += key.length + sizeOf(item, known) + 6
  known.set(value, size)
  return size
}
