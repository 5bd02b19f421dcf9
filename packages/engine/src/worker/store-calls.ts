import type { DownloadProgress } from '../hub/progress.ts'
import type { Calls, ToWorker } from './messages.ts'

type StoreCallName = 'locate' | 'pull' | 'locateUnstored' | 'listDownloads' | 'findDownloads' | 'removeDownloads'
type StoreCall = Extract<ToWorker, { call: StoreCallName }>

const NAMES: readonly string[] = [
  'locate',
  'pull',
  'locateUnstored',
  'listDownloads',
  'findDownloads',
  'removeDownloads',
] satisfies StoreCallName[]

export function isStoreCall(message: Exclude<ToWorker, { abort: number }>): message is StoreCall {
  return NAMES.includes(message.call)
}

/**
 * Finds, fetches and removes models in this thread, for a page, which cannot write to the storage of its site in place.
 * @throws as the functions of hub/ do
 */
export async function answerStoreCall(
  message: StoreCall,
  onProgress: (progress: DownloadProgress) => void,
  signal: AbortSignal,
): Promise<Calls[StoreCallName]['result']> {
  // Imported on use: in Node the caller's thread does this.
  const { locate, locateUnstored, pull } = await import('../hub/pull.ts')
  const { findDownloads, listDownloads, removeDownloads } = await import('../hub/downloaded.ts')
  switch (message.call) {
    case 'locate':
      return locate(message.request.reference, { ...message.request.hub, signal, onProgress })
    case 'pull':
      return pull(message.request.reference, { ...message.request.hub, signal, onProgress })
    case 'locateUnstored':
      return locateUnstored(message.request.reference, { ...message.request.hub, signal })
    case 'listDownloads':
      return listDownloads()
    case 'findDownloads':
      return findDownloads(message.request.reference)
    case 'removeDownloads':
      await removeDownloads(message.request.reference)
      return undefined
  }
}
