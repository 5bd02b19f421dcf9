import type { ByteSource } from '../bytes/byte-source.ts'
import type { GgufCheckpoint, MetadataValue } from './checkpoint.ts'
import { fileKind } from './file-kind.ts'
import { readMetadata } from './gguf-metadata.ts'
import { placeTensors, readTensorEntries } from './gguf-tensors.ts'
import { HeaderCursor } from './header-cursor.ts'

/** Metadata and tensor list; a vocabulary of 262,144 tokens with its merges takes some 15 MiB. */
const LONGEST_HEADER = 2 ** 28
const DEFAULT_ALIGNMENT = 32

/**
 * Reads the header of a GGUF file (version 2 or 3, little-endian); no weights. The checkpoint takes over `source`,
 * which is closed with it, or at once when this fails. Source: the GGUF specification in ggml's docs/gguf.md.
 * @throws CheckpointError `unsupported-format`, `unsupported-type`, `invalid-checkpoint`, `truncated`, `read-failed`
 */
export async function openGguf(source: ByteSource, signal?: AbortSignal): Promise<GgufCheckpoint> {
  try {
    return await readHeader(source, signal)
  } catch (error) {
    await source.close()
    throw error
  }
}

async function readHeader(source: ByteSource, signal?: AbortSignal): Promise<GgufCheckpoint> {
  const cursor = new HeaderCursor(source, LONGEST_HEADER, signal)
  if ((await fileKind(source, signal)) !== 'gguf') {
    throw cursor.fail('it is not a GGUF file.', 'unsupported-format', 'Name a file that begins with the letters GGUF.')
  }
  await cursor.need(24)
  cursor.position = 4
  const version = readVersion(cursor)
  const tensorCount = cursor.length()
  const { metadata, numberTypes } = await readMetadata(cursor, cursor.length())
  const alignment = alignmentOf(cursor, metadata)
  const entries = await readTensorEntries(cursor, tensorCount)
  const dataStart = Math.ceil(cursor.position / alignment) * alignment
  const tensors = placeTensors(cursor, entries, dataStart, alignment)
  return { format: 'gguf', name: source.name, version, metadata, numberTypes, tensors, close: () => source.close() }
}

function readVersion(cursor: HeaderCursor): number {
  cursor.field = 'version'
  const version = cursor.u32()
  if (version === 2 || version === 3) return version
  // A big-endian 2 or 3.
  if (version !== 0 && version % 2 ** 24 === 0) {
    const remedy = 'Download or convert the model for little-endian machines.'
    throw cursor.fail('it is a big-endian GGUF file.', 'unsupported-format', remedy)
  }
  const remedy =
    version === 1 ? 'Download a newer conversion of the model.' : 'Update laju, or download an older conversion.'
  throw cursor.fail(`it is of GGUF version ${version}; 2 and 3 are supported.`, 'unsupported-format', remedy)
}

function alignmentOf(cursor: HeaderCursor, metadata: ReadonlyMap<string, MetadataValue>): number {
  cursor.field = 'general.alignment'
  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT
  // 2^31 is the largest power of two in the specification's uint32.
  if (
    typeof alignment === 'number' &&
    alignment >= 1 &&
    alignment <= 2 ** 31 &&
    Number.isInteger(Math.log2(alignment))
  ) {
    return alignment
  }
  throw cursor.fail('general.alignment is not a power of two.')
}
