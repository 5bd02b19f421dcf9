import { ELEMENT_LAYOUTS, type ElementType, elementTypeOfGgmlId, rowBytes } from './element-type.ts'
import { readName } from './gguf-metadata.ts'
import type { HeaderCursor } from './header-cursor.ts'
import { quoted } from './quoted.ts'
import type { Tensor } from './tensor.ts'

/** The largest models have some tens of thousands. */
const MOST_TENSORS = 50_000
/** llama.cpp's limit is 64; longer names do no harm. */
const LONGEST_NAME = 256
const MOST_DIMENSIONS = 4

/** ggml types that existed in old files, and whose ids must never be read as something else. */
const REMOVED_TYPES: { readonly [id: number]: string | undefined } = {
  4: 'Q4_2',
  5: 'Q4_3',
  31: 'Q4_0_4_4',
  32: 'Q4_0_4_8',
  33: 'Q4_0_8_8',
  36: 'IQ4_NL_4_4',
  37: 'IQ4_NL_4_8',
  38: 'IQ4_NL_8_8',
}

/** A tensor as the header describes it: its offset counts from the start of the data section. */
type TensorEntry = Omit<Tensor, 'source'>

/** Reads `count` tensor entries. Source: the GGUF specification, `gguf_tensor_info_t`. */
export async function readTensorEntries(cursor: HeaderCursor, count: number): Promise<TensorEntry[]> {
  if (count > MOST_TENSORS) throw cursor.fail(`it claims ${count} tensors; at most ${MOST_TENSORS} are allowed.`)
  const entries: TensorEntry[] = []
  for (let i = 0; i < count; i++) {
    cursor.field = `tensor ${i + 1} of ${count}`
    const name = await readName(cursor, LONGEST_NAME)
    cursor.field = name
    const shape = await readShape(cursor)
    await cursor.need(12)
    const type = readType(cursor)
    const byteLength = byteLengthOf(cursor, type, shape)
    entries.push({ name, type, shape, offset: cursor.length(), byteLength })
  }
  return entries
}

/** The file has the fastest dimension first. */
async function readShape(cursor: HeaderCursor): Promise<number[]> {
  await cursor.need(4)
  const count = cursor.u32()
  if (count === 0 || count > MOST_DIMENSIONS) {
    throw cursor.fail(
      `the tensor ${quoted(cursor.field)} has ${count} dimensions; 1 to ${MOST_DIMENSIONS} are allowed.`,
    )
  }
  await cursor.need(8 * count)
  const shape: number[] = []
  for (let i = 0; i < count; i++) shape.unshift(cursor.length())
  if (shape.includes(0)) throw cursor.fail(`the tensor ${quoted(cursor.field)} has a dimension of length 0.`)
  return shape
}

function readType(cursor: HeaderCursor): ElementType {
  const id = cursor.u32()
  const type = elementTypeOfGgmlId(id)
  if (type) return type
  const removed = REMOVED_TYPES[id]
  const what = removed ? `${removed} (id ${id}), which ggml has removed` : `an unknown type (id ${id})`
  const remedy = 'Download the model in another quantisation, such as Q8_0 or Q4_0.'
  throw cursor.fail(`the tensor ${quoted(cursor.field)} is of ${what}.`, 'unsupported-type', remedy)
}

function byteLengthOf(cursor: HeaderCursor, type: ElementType, shape: readonly number[]): number {
  const { blockLength } = ELEMENT_LAYOUTS[type]
  const columns = shape[shape.length - 1]
  if (columns % blockLength !== 0) {
    const rows = `has rows of ${columns} elements, but blocks of ${type} have ${blockLength}`
    throw cursor.fail(`the tensor ${quoted(cursor.field)} ${rows}.`)
  }
  const elements = shape.reduce((product, length) => product * length, 1)
  const byteLength = (elements / columns) * rowBytes(type, columns)
  // Any product of factors >= 1 that passed 2^53 on the way is still beyond it.
  if (Number.isSafeInteger(elements) && Number.isSafeInteger(byteLength)) return byteLength
  throw cursor.fail(`the tensor ${quoted(cursor.field)} of shape ${shape.join(' x ')} is too large for any file.`)
}

/** Checks where the tensors lie in the data section, which begins at byte `dataStart`, and names them. */
export function placeTensors(
  cursor: HeaderCursor,
  entries: readonly TensorEntry[],
  dataStart: number,
  alignment: number,
): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>()
  for (const entry of entries) {
    cursor.field = entry.name
    if (tensors.has(entry.name)) throw cursor.fail(`the tensor ${quoted(entry.name)} occurs twice.`)
    if (entry.offset % alignment !== 0) {
      const place = `at byte ${entry.offset} of the data, not at a multiple of ${alignment}`
      throw cursor.fail(`the tensor ${quoted(entry.name)} begins ${place}.`)
    }
    const offset = dataStart + entry.offset
    const end = offset + entry.byteLength
    const { size } = cursor.source
    if (end > size) {
      const problem = `the tensor ${quoted(entry.name)} would end at byte ${end}, but the file ends at byte ${size}.`
      throw cursor.fail(problem, 'truncated', 'The file is incomplete or damaged; download it again.')
    }
    tensors.set(entry.name, { ...entry, source: cursor.source, offset })
  }
  checkOverlap(cursor, [...tensors.values()])
  return tensors
}

function checkOverlap(cursor: HeaderCursor, tensors: Tensor[]): void {
  tensors.sort((a, b) => a.offset - b.offset)
  for (let i = 1; i < tensors.length; i++) {
    const before = tensors[i - 1]
    const tensor = tensors[i]
    if (tensor.offset >= before.offset + before.byteLength) continue
    cursor.field = tensor.name
    throw cursor.fail(`the tensors ${quoted(before.name)} and ${quoted(tensor.name)} overlap.`)
  }
}
