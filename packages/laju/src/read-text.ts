import { readFile } from 'node:fs/promises'
import { addAbortSignal } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { LajuError } from '@laju/engine'
import { systemReason } from './system-reason.ts'

/** The whole of stdin as text. */
export async function readStdin(signal: AbortSignal): Promise<string> {
  return decode(await buffer(addAbortSignal(signal, process.stdin)), 'The standard input')
}

/** A file as text, character for character. */
export async function readTextFile(path: string, signal: AbortSignal): Promise<string> {
  return decode(await readBytes(path, signal), `The file ${path}`)
}

async function readBytes(path: string, signal: AbortSignal): Promise<Uint8Array> {
  try {
    return await readFile(path, { signal })
  } catch (cause) {
    if (signal.aborted) throw cause
    throw new LajuError('read-failed', `Cannot read ${path}: ${systemReason(cause)}.`, {
      file: path,
      remedy: 'Check the path and that the file may be read.',
      cause,
    })
  }
}

/** Text that is not UTF-8 is refused: a replacement character would silently stand for something else. */
function decode(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new LajuError('read-failed', `${name} is not UTF-8 text.`, { remedy: 'Convert it to UTF-8 first.', cause })
  }
}
