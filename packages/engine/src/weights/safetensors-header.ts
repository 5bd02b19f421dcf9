import type { ByteSource } from '../bytes/byte-source.ts'
import { CheckpointError, type ErrorCode } from '../errors.ts'
import type { JsonObject, JsonValue } from './checkpoint.ts'
import { ELEMENT_LAYOUTS, elementTypeOfSafetensors } from './element-type.ts'
import { fileKind } from './file-kind.ts'
import { DAMAGED } from './header-cursor.ts'
import { isJsonObject, outlineJson, parseJsonObject } from './json.ts'
import { quoted } from './quoted.ts'
import type { Tensor } from './tensor.ts'

/** The format's own limit. */
const LONGEST_HEADER = 100_000_000
const LENGTH_BYTES = 8

/**
 * Lists the tensors of one safetensors file. As the format demands, they must fill the rest of the file without holes
 * or overlaps. Types that this engine cannot run are listed like the others.
 * Source: "Format" in the README of huggingface/safetensors.
 * @throws CheckpointError `unsupported-format`, `unsupported-type`, `invalid-checkpoint`, `truncated`, `read-failed`
 */
export async function readSafetensorsHeader(source: ByteSource, signal?: AbortSignal): Promise<Tensor[]> {
  if ((await fileKind(source, signal)) !== 'safetensors') {
    const remedy = 'Name the GGUF file itself to load it.'
    throw fail(source, 'header', 'it is a GGUF file, not a safetensors file.', 'unsupported-format', remedy)
  }
  const text = await readHeaderText(source, signal)
  const header = parseJsonObject(text, source.name, 'the header')
  if (outlineJson(text).members !== Object.keys(header).length) {
    throw fail(source, 'header', 'a tensor occurs twice in the header.')
  }
  const dataStart = LENGTH_BYTES + text.length
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__')
  const tensors = entries.map(([name, entry]) => readEntry(source, name, entry, dataStart))
  checkCoverage(source, tensors, dataStart)
  return tensors
}

async function readHeaderText(source: ByteSource, signal?: AbortSignal): Promise<Uint8Array> {
  const lengthBytes = new Uint8Array(LENGTH_BYTES)
  await source.read(0, lengthBytes, signal)
  const length = Number(new DataView(lengthBytes.buffer).getBigUint64(0, true))
  if (length > LONGEST_HEADER) {
    throw fail(source, 'header', `the header claims ${length} bytes; at most ${LONGEST_HEADER} are allowed.`)
  }
  const text = new Uint8Array(Math.min(length, source.size - LENGTH_BYTES))
  if (text.length < length) {
    const problem = `the header claims ${length} bytes, but the file has only ${source.size}.`
    throw fail(source, 'header', problem, 'truncated', 'The file is incomplete or damaged; download it again.')
  }
  await source.read(LENGTH_BYTES, text, signal)
  return text
}

function readEntry(source: ByteSource, name: string, entry: JsonValue, dataStart: number): Tensor {
  const { dtype, shape, data_offsets: range }: JsonObject = isJsonObject(entry) ? entry : {}
  if (typeof dtype !== 'string' || !isLengths(shape) || !isLengths(range) || range.length !== 2) {
    throw fail(source, name, `the tensor ${quoted(name)} lacks a valid dtype, shape or data_offsets.`)
  }
  const type = elementTypeOfSafetensors(dtype)
  if (!type) {
    const remedy = 'Update laju, or download the model in BF16, F16 or F32.'
    throw fail(
      source,
      name,
      `the tensor ${quoted(name)} is of the unknown type ${quoted(dtype)}.`,
      'unsupported-type',
      remedy,
    )
  }
  const { blockLength, blockBytes } = ELEMENT_LAYOUTS[type]
  const [begin, end] = range
  const byteLength = (shape.reduce((product, length) => product * length, 1) / blockLength) * blockBytes
  if (byteLength !== end - begin) {
    const elements = `${type} in shape [${shape.slice(0, 8).join(', ')}]`
    const problem = `is ${elements}, which takes ${byteLength} bytes, but has ${end - begin}`
    throw fail(source, name, `the tensor ${quoted(name)} ${problem}.`)
  }
  return { name, type, shape, source, offset: dataStart + begin, byteLength }
}

function isLengths(value: JsonValue | undefined): value is number[] {
  return Array.isArray(value) && value.every((length) => Number.isSafeInteger(length) && Number(length) >= 0)
}

function checkCoverage(source: ByteSource, tensors: readonly Tensor[], dataStart: number): void {
  // Tensors without elements lie between others, so they come first of those that begin at the same place.
  const sorted = tensors.toSorted((a, b) => a.offset - b.offset || a.byteLength - b.byteLength)
  let end = dataStart
  for (const tensor of sorted) {
    const problem = tensor.offset < end ? 'overlaps the tensor before it' : 'leaves a hole before it'
    if (tensor.offset !== end) throw fail(source, tensor.name, `the tensor ${quoted(tensor.name)} ${problem}.`)
    end += tensor.byteLength
  }
  if (end > source.size) {
    const problem = `its tensors end at byte ${end}, but the file ends at byte ${source.size}.`
    throw fail(source, 'data_offsets', problem, 'truncated', 'The file is incomplete; download it again.')
  }
  if (end < source.size)
    throw fail(source, 'data_offsets', `${source.size - end} bytes after its last tensor belong to none.`)
}

function fail(
  source: ByteSource,
  field: string,
  problem: string,
  code: ErrorCode = 'invalid-checkpoint',
  remedy = DAMAGED,
): CheckpointError {
  return new CheckpointError(code, `${source.name}: ${problem}`, { file: source.name, field, remedy })
}
