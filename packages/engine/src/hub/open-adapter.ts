import type { Folder } from '../bytes/folder.ts'
import { type AdapterFile, adapterError } from '../weights/adapter.ts'
import { ggufAdapter } from '../weights/adapter-gguf.ts'
import { openPeftAdapter, PEFT_CONFIG, PEFT_WEIGHTS } from '../weights/adapter-peft.ts'
import type { GgufCheckpoint } from '../weights/checkpoint.ts'
import { fileKind } from '../weights/file-kind.ts'
import { openGguf } from '../weights/gguf.ts'
import { type ModelLocation, openModelLocation } from './model-location.ts'

/**
 * Opens the adapter at a path, or of files that are here: a folder that PEFT has saved, its safetensors file, a GGUF file,
 * or a folder with one. Only headers are read.
 * @throws CheckpointError `not-found`, `not-a-file`, `unsupported-adapter`, `invalid-checkpoint`, and as the formats do
 */
export async function openAdapter(location: ModelLocation, signal?: AbortSignal): Promise<AdapterFile> {
  const { folder, file } = await openModelLocation(location)
  return file === undefined ? openAdapterFolder(folder, signal) : openAdapterFile(folder, file, signal)
}

/** Whether a folder is an adapter of PEFT, and no model besides. */
export function isPeftFolder({ files }: Folder): boolean {
  const ofModel = files.filter((file) => /\.(safetensors|gguf)$/.test(file) && file !== PEFT_WEIGHTS)
  return files.includes(PEFT_CONFIG) && (ofModel.length === 0 || !files.includes('config.json'))
}

async function openAdapterFolder(folder: Folder, signal?: AbortSignal): Promise<AdapterFile> {
  const ggufs = folder.files.filter((file) => file.endsWith('.gguf'))
  if (folder.files.includes(PEFT_CONFIG)) return openPeftAdapter(folder, PEFT_WEIGHTS, signal)
  if (ggufs.length === 1) return openAdapterFile(folder, ggufs[0], signal)
  const problem = `there is no ${PEFT_CONFIG}, and ${ggufs.length === 0 ? 'no' : 'more than one'} GGUF file in it`
  const remedy = 'Name a folder that PEFT has saved, or the .gguf file of an adapter.'
  throw adapterError('not-found', folder.name, PEFT_CONFIG, problem, remedy)
}

async function openAdapterFile(folder: Folder, file: string, signal?: AbortSignal): Promise<AdapterFile> {
  const source = await folder.open(file)
  let kind: 'gguf' | 'safetensors'
  try {
    kind = await fileKind(source, signal)
  } catch (error) {
    await source.close()
    throw error
  }
  if (kind === 'gguf') return closedOnError(await openGguf(source, signal))
  await source.close()
  return openPeftAdapter(folder, file, signal)
}

async function closedOnError(checkpoint: GgufCheckpoint): Promise<AdapterFile> {
  try {
    return ggufAdapter(checkpoint)
  } catch (error) {
    await checkpoint.close()
    throw error
  }
}
