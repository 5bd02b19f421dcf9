import { namesBeside } from '#hub/location'
import type { Folder } from '../bytes/folder.ts'
import { CheckpointError } from '../errors.ts'
import { isAdapter } from '../weights/adapter-gguf.ts'
import type { Checkpoint, GgufCheckpoint } from '../weights/checkpoint.ts'
import { fileKind } from '../weights/file-kind.ts'
import { openGguf } from '../weights/gguf.ts'
import { firstPartOf, isPart, openGgufParts } from '../weights/gguf-split.ts'
import { quoted } from '../weights/quoted.ts'
import { openSafetensors } from '../weights/safetensors.ts'
import { type ModelLocation, type OpenedLocation, openModelLocation } from './model-location.ts'
import { isPeftFolder } from './open-adapter.ts'

const ALLOWED =
  'Name a .gguf file, a .safetensors file, a folder that holds a model, or a model of the Hub (hf:owner/name).'

/**
 * Opens the checkpoint at a path (pull.ts finds that of any other name), of files that are here, or of those on a server: of a GGUF file, of a
 * safetensors file with its config.json beside it, or of a folder with a safetensors model or exactly one GGUF file. A
 * split GGUF file is named by any part. What a file is, its content decides.
 * Only headers are read.
 * @throws CheckpointError `not-found`, `not-a-file`, `unsupported-format`, `unsupported-type`, `invalid-checkpoint`,
 *   `truncated`, `read-failed`, `is-an-adapter`
 */
export async function openCheckpoint(location: ModelLocation, signal?: AbortSignal): Promise<Checkpoint> {
  const opened = await openModelLocation(location).catch(async (error) => {
    const isMissing = error instanceof CheckpointError && error.code === 'not-found'
    throw isMissing && typeof location === 'string' ? await notFound(location, error) : error
  })
  return openIn(opened, signal)
}

/** As `openCheckpoint`, of a folder, or of a file in it. */
export async function openIn({ folder, file }: OpenedLocation, signal?: AbortSignal): Promise<Checkpoint> {
  if (file === undefined) return openModelFolder(folder, signal)
  const source = await folder.open(file)
  const kind = await fileKind(source, signal).finally(() => source.close())
  if (kind === 'safetensors' && isPeftFolder(folder)) throw anAdapter(source.name)
  return kind === 'gguf' ? openGgufOf(folder, file, signal) : openSafetensors(folder, file, signal)
}

async function openModelFolder(folder: Folder, signal?: AbortSignal): Promise<Checkpoint> {
  if (isPeftFolder(folder)) throw anAdapter(folder.name)
  const weights = folder.files.filter((file) => /\.safetensors(\.index\.json)?$/.test(file))
  // The parts of one model count as their first.
  const ggufs = [
    ...new Set(folder.files.filter((file) => file.endsWith('.gguf')).map((file) => firstPartOf(file) ?? file)),
  ]
  if (weights.length > 0 && (folder.files.includes('config.json') || ggufs.length === 0)) {
    return openSafetensors(folder, undefined, signal)
  }
  if (ggufs.length === 1) return openGgufOf(folder, ggufs[0], signal)
  const what = ggufs.length === 0 ? 'no model' : `${ggufs.length} GGUF files`
  throw new CheckpointError(
    'not-found',
    `There ${ggufs.length > 1 ? 'are' : 'is'} ${what} in the folder ${folder.name}.`,
    {
      file: folder.name,
      remedy: ggufs.length > 1 ? `Name one of them: ${someOf(ggufs)}.` : ALLOWED,
    },
  )
}

/** The file, and the other parts where it is one of several. */
async function openGgufOf(folder: Folder, file: string, signal?: AbortSignal): Promise<GgufCheckpoint> {
  const checkpoint = await openGguf(await folder.open(file), signal)
  if (isAdapter(checkpoint)) {
    await checkpoint.close()
    throw anAdapter(checkpoint.name)
  }
  if (!isPart(checkpoint)) return checkpoint
  await checkpoint.close()
  return openGgufParts(folder, file, signal)
}

function anAdapter(file: string): CheckpointError {
  return new CheckpointError('is-an-adapter', `${file} is an adapter: a change to a model, not a model.`, {
    file,
    remedy: 'Name the model that it was made for, and attach it: --adapter, or `adapters` in TypeScript.',
  })
}

async function notFound(path: string, cause: CheckpointError): Promise<CheckpointError> {
  const neighbours = (await namesBeside(path)).filter((file) => /\.(gguf|safetensors)$/.test(file))
  const remedy = neighbours.length > 0 ? `${ALLOWED} Beside it there is ${someOf(neighbours)}.` : ALLOWED
  return new CheckpointError('not-found', `There is no file or folder ${quoted(path)}.`, { file: path, remedy, cause })
}

function someOf(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`
}
