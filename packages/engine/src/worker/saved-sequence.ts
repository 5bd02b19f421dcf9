import { type CompiledModel, PAGE_LENGTH } from '../backends/backend.ts'
import type { KeyValueSequence } from '../cache/kv.ts'
import type { KeyValueCache } from '../cache/kv-cache.ts'
import { type ConversationFile, type Saved, writeConversation } from './conversation-file.ts'

type Pages = Pick<CompiledModel, 'readPage' | 'writePage'>

/**
 * Writes a conversation with the keys and values of an idle sequence; without them, where others take its room meanwhile.
 * @param path of a file; without one a Blob is returned
 * @throws as `writeConversation`
 */
export async function saveSequence(
  path: string | undefined,
  sequence: KeyValueSequence,
  said: Omit<Saved, 'tokens'>,
  model: Pages,
  signal?: AbortSignal,
): Promise<Blob | undefined> {
  const tokens = Int32Array.from(sequence.tokens)
  const readPage = (index: number, target: Uint8Array): boolean => {
    if (sequence.length !== tokens.length) return false
    const rest = tokens.length - index * PAGE_LENGTH
    model.readPage(sequence.pageTable()[index], Math.min(rest, PAGE_LENGTH), target)
    return true
  }
  const whole = await writeConversation(path, { ...said, tokens }, readPage, signal)
  if (whole.written) return whole.blob
  return (await writeConversation(path, { ...said, tokens: new Int32Array(0) }, readPage, signal)).blob
}

/**
 * A sequence with the keys and values of a saved one, page by page: at any time it holds what it has, idle, and may lose
 * it to others, or find no room for more.
 * @param checkOrigin throws where they are not of the model as it is now: adapters may come and go
 * @throws as `ConversationFile.pages`
 */
export async function restoreSequence(
  file: ConversationFile,
  cache: KeyValueCache,
  model: Pages,
  checkOrigin: () => void,
  signal?: AbortSignal,
): Promise<KeyValueSequence> {
  const sequence = cache.create()
  try {
    let done = 0
    for await (const page of file.pages(signal)) {
      checkOrigin()
      const ids = file.tokens.subarray(done, done + PAGE_LENGTH)
      if (sequence.length !== done || !cache.acquire(sequence, done, done + ids.length)) break
      model.writePage(sequence.pageTable()[done / PAGE_LENGTH], page)
      sequence.append(ids)
      cache.release(sequence)
      done += ids.length
    }
    return sequence
  } catch (error) {
    cache.remove(sequence)
    throw error
  }
}
