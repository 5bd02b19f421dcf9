import type { ByteSource } from '../bytes/byte-source.ts'
import { CheckpointError } from '../errors.ts'

const GET_MODEL = 'Get a .gguf file, or a folder of .safetensors files with its config.json.'

/** What other files begin with (text in lower case, after white space), what they are, and the way out. */
const OTHERS: readonly { readonly starts: readonly string[]; readonly what: string; readonly remedy: string }[] = [
  {
    starts: ['version https://git-lfs'],
    what: 'is a Git LFS pointer: a note of where the file lies, not the file',
    remedy: 'Fetch the file itself with `git lfs pull`, or download it from the page of the model.',
  },
  {
    starts: ['<!doctype', '<html', '<?xml'],
    what: 'is a web page, probably an error or sign-in page saved in place of the model',
    remedy: 'Download the file again, by its direct link, and signed in where the model asks for it.',
  },
  {
    starts: ['PK\x03\x04', '\x80\x02', '\x80\x03', '\x80\x04', '\x80\x05'],
    what: 'is a PyTorch (pickle) or zip file',
    remedy: GET_MODEL,
  },
  {
    starts: ['lmgg', 'fmgg', 'tjgg', 'algg'],
    what: 'is of a GGML format from before GGUF',
    remedy: 'Download the model as GGUF; nothing newer writes this format.',
  },
  {
    starts: ['FUGG'],
    what: 'is a GGUF file with its magic number reversed',
    remedy: 'Download or convert the model for little-endian machines.',
  },
  { starts: ['\x89HDF'], what: 'is an HDF5 (Keras) file', remedy: GET_MODEL },
  {
    starts: ['\x1f\x8b', 'BZh', '\xfd7zXZ', '7z\xbc\xaf', '\x28\xb5\x2f\xfd'],
    what: 'is compressed',
    remedy: 'Unpack it first.',
  },
  { starts: ['{', '['], what: 'is a JSON file, not weights', remedy: GET_MODEL },
]

/**
 * Which of the two formats a file is of, by its first bytes and not by its name.
 * @throws CheckpointError `unsupported-format` that says what else the file is, `truncated` for an empty one
 */
export async function fileKind(source: ByteSource, signal?: AbortSignal): Promise<'gguf' | 'safetensors'> {
  const { name } = source
  const bytes = new Uint8Array(Math.min(source.size, 64))
  if (bytes.length === 0) {
    const remedy = 'The download has not begun or has failed; download it again.'
    throw new CheckpointError('truncated', `${name} is empty.`, { file: name, remedy })
  }
  await source.read(0, bytes, signal)
  const start = String.fromCharCode(...bytes)
  if (start.startsWith('GGUF')) return 'gguf'
  // After the header's length in 8 bytes comes its JSON. Text would make the length absurd, so it is not mistaken.
  if (start[8] === '{' && bytes[7] === 0 && bytes[6] === 0) return 'safetensors'
  const text = start.trimStart().toLowerCase()
  const other = OTHERS.find(({ starts }) => starts.some((known) => start.startsWith(known) || text.startsWith(known)))
  const what = other?.what ?? 'is neither a GGUF nor a safetensors file'
  throw new CheckpointError('unsupported-format', `${name} ${what}.`, {
    file: name,
    remedy: other?.remedy ?? GET_MODEL,
  })
}
