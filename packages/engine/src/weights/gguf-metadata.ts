import type { MetadataArray, MetadataValue } from './checkpoint.ts'
import { ARRAY_ID, BOOLEAN_ID, NUMBER_TYPES, type NumberType, STRING_ID } from './gguf-fields.ts'
import type { HeaderCursor } from './header-cursor.ts'
import { quoted } from './quoted.ts'
import { StringArray } from './string-array.ts'

/** Real files have 20 to 100 keys. */
const MOST_KEYS = 16_384
/** Of the GGUF specification. */
const LONGEST_KEY = 65_535
/** Arrays of arrays are rare and small; so are arrays of booleans, each of which costs 8 bytes. */
const DEEPEST_ARRAY = 4
const MOST_INNER_ARRAYS = 65_536
const MOST_BOOLEANS = 2 ** 20

type NumberArray = Exclude<MetadataArray, boolean[] | StringArray | MetadataArray[]>
type NumberArrayClass = (new (buffer: ArrayBuffer) => NumberArray) & { readonly BYTES_PER_ELEMENT: number }

const NUMBER_TYPE_NAMES = Object.keys(NUMBER_TYPES) as NumberType[]

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const LENIENT = new TextDecoder('utf-8', { ignoreBOM: true })

export interface Metadata {
  readonly metadata: Map<string, MetadataValue>
  /** How the values that are single numbers are stored: to write them again, one has to know. */
  readonly numberTypes: Map<string, NumberType>
}

/** Reads `count` key-value pairs. Source: the GGUF specification, `gguf_metadata_kv_t`. */
export async function readMetadata(cursor: HeaderCursor, count: number): Promise<Metadata> {
  if (count > MOST_KEYS) throw cursor.fail(`it claims ${count} metadata keys; at most ${MOST_KEYS} are allowed.`)
  const metadata = new Map<string, MetadataValue>()
  const numberTypes = new Map<string, NumberType>()
  const budget = { arrays: MOST_INNER_ARRAYS, booleans: MOST_BOOLEANS }
  for (let i = 0; i < count; i++) {
    cursor.field = `metadata key ${i + 1} of ${count}`
    const key = await readName(cursor, LONGEST_KEY)
    cursor.field = key
    if (metadata.has(key)) throw cursor.fail(`the metadata key ${quoted(key)} occurs twice.`)
    await cursor.need(4)
    const id = cursor.u32()
    metadata.set(key, await readValue(cursor, id, 0, budget))
    const numberType = numberTypeOf(id)
    if (numberType !== undefined) numberTypes.set(key, numberType)
  }
  return { metadata, numberTypes }
}

/** A key or tensor name: a string that is short, not empty, and valid UTF-8. */
export async function readName(cursor: HeaderCursor, longest: number): Promise<string> {
  await cursor.need(8)
  const length = cursor.length()
  if (length === 0 || length > longest) {
    throw cursor.fail(`the ${cursor.field} has a name of ${length} bytes; 1 to ${longest} are allowed.`)
  }
  await cursor.need(length)
  try {
    return STRICT.decode(cursor.take(length))
  } catch {
    throw cursor.fail(`the ${cursor.field} has a name that is not UTF-8.`)
  }
}

/** What may still be read of the kinds of values that take more memory than bytes in the file. */
interface Budget {
  arrays: number
  booleans: number
}

async function readValue(cursor: HeaderCursor, type: number, depth: number, budget: Budget): Promise<MetadataValue> {
  if (type === STRING_ID) return readString(cursor)
  if (type === ARRAY_ID) return readArray(cursor, depth, budget)
  if (type === BOOLEAN_ID) return (await readBooleans(cursor, 1, budget))[0]
  const array = await readNumbers(cursor, type, 1)
  const value = array[0]
  return typeof value === 'bigint' && BigInt.asIntN(54, value) === value ? Number(value) : value
}

async function readString(cursor: HeaderCursor): Promise<string> {
  await cursor.need(8)
  const length = cursor.length()
  await cursor.need(length)
  return LENIENT.decode(cursor.take(length))
}

async function readNumbers(cursor: HeaderCursor, type: number, count: number): Promise<NumberArray> {
  const name = numberTypeOf(type)
  if (name === undefined) throw cursor.fail(`${quoted(cursor.field)} has a value of the unknown type ${type}.`)
  const Numbers: NumberArrayClass = NUMBER_TYPES[name].array
  const size = count * Numbers.BYTES_PER_ELEMENT
  await cursor.need(size)
  return new Numbers(cursor.take(size).buffer)
}

function numberTypeOf(id: number): NumberType | undefined {
  return NUMBER_TYPE_NAMES.find((name) => NUMBER_TYPES[name].id === id)
}

async function readArray(cursor: HeaderCursor, depth: number, budget: Budget): Promise<MetadataArray> {
  await cursor.need(12)
  const type = cursor.u32()
  const count = cursor.length()
  if (type === STRING_ID) return readStrings(cursor, count)
  if (type === BOOLEAN_ID) return readBooleans(cursor, count, budget)
  if (type === ARRAY_ID) return readArrays(cursor, count, depth + 1, budget)
  return readNumbers(cursor, type, count)
}

async function readStrings(cursor: HeaderCursor, count: number): Promise<StringArray> {
  await cursor.need(8 * count)
  const starts = new Uint32Array(count)
  const ends = new Uint32Array(count)
  const base = cursor.position
  for (let i = 0; i < count; i++) {
    // Waiting for a promise half a million times would take longer than the rest.
    if (!cursor.has(8)) await cursor.need(8)
    const length = cursor.length()
    if (!cursor.has(length)) await cursor.need(length)
    starts[i] = cursor.position - base
    cursor.position += length
    ends[i] = cursor.position - base
  }
  return new StringArray(cursor.takeSince(base), starts, ends)
}

async function readBooleans(cursor: HeaderCursor, count: number, budget: Budget): Promise<boolean[]> {
  budget.booleans -= count
  if (budget.booleans < 0) throw cursor.fail(`${quoted(cursor.field)} holds more than ${MOST_BOOLEANS} booleans.`)
  await cursor.need(count)
  const booleans: boolean[] = []
  for (let i = 0; i < count; i++) {
    const byte = cursor.u8()
    if (byte > 1) throw cursor.fail(`${quoted(cursor.field)} holds a boolean of value ${byte}.`)
    booleans.push(byte === 1)
  }
  return booleans
}

async function readArrays(
  cursor: HeaderCursor,
  count: number,
  depth: number,
  budget: Budget,
): Promise<MetadataArray[]> {
  budget.arrays -= count
  if (depth >= DEEPEST_ARRAY || budget.arrays < 0) {
    const most = `deeper than ${DEEPEST_ARRAY} or more often than ${MOST_INNER_ARRAYS} times`
    throw cursor.fail(`${quoted(cursor.field)} nests arrays ${most}.`)
  }
  const arrays: MetadataArray[] = []
  for (let i = 0; i < count; i++) arrays.push(await readArray(cursor, depth, budget))
  return arrays
}
