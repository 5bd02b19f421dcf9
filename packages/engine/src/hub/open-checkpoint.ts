import { openFolder } from '../bytes/disk-folder.ts'
import { openFile } from '../bytes/file-source.ts'
import type { Folder } from '../bytes/folder.ts'
import { systemError } from '../bytes/system-error.ts'
import { CheckpointError, OptionError } from '../errors.ts'
import type { Checkpoint, GgufCheckpoint } from '../weights/checkpoint.ts'
import { fileKind } from '../weights/file-kind.ts'
import { openGguf } from '../weights/gguf.ts'
import { firstPartOf, isPart, openGgufParts } from '../weights/gguf-split.ts'
import { quoted } from '../weights/quoted.ts'
import { openSafetensors } from '../weights/safetensors.ts'

const ALLOWED = 'Name a .gguf file, a .safetensors file, or a folder that holds a model.'

/**
 * Opens the checkpoint that a reference names: the path of a GGUF file, of a safetensors file with its config.json
 * beside it, or of a folder with a safetensors model or exactly one GGUF file. A split GGUF file is named by any part. What a file is, its content decides.
 * Only headers are read.
 * @throws OptionError for a reference that this version cannot follow (`hf:`, `https:`, short names);
 *   CheckpointError `not-found`, `not-a-file`, `unsupported-format`, `unsupported-type`, `invalid-checkpoint`,
 *   `truncated`, `read-failed`
 */
export async function openCheckpoint(reference: string, signal?: AbortSignal): Promise<Checkpoint> {
  refuseRemote(reference)
  return (await isFolder(reference))
    ? openModelFolder(await openFolder(reference), signal)
    : openModelFile(reference, signal)
}

async function isFolder(reference: string): Promise<boolean> {
  const { stat } = await import('node:fs/promises')
  try {
    return (await stat(reference)).isDirectory()
  } catch (cause) {
    const error = systemError(reference, cause)
    throw error.code === 'not-found' ? await notFound(reference) : error
  }
}

function refuseRemote(reference: string): void {
  if (reference.trim() === '') throw new OptionError('model', 'The name of the model is empty.', ALLOWED)
  const scheme = /^(hf|[a-z][a-z0-9+-]*(?=:\/\/)):/i.exec(reference)
  if (!scheme) return
  const problem = `${quoted(reference)} is not on this machine, and this version opens local files only`
  throw new OptionError(
    'model',
    `${problem}; downloads arrive with a later one.`,
    'Download the model yourself, and name its file or folder.',
  )
}

async function openModelFile(path: string, signal?: AbortSignal): Promise<Checkpoint> {
  const { basename, dirname } = await import('node:path')
  const source = await openFile(path)
  let kind: 'gguf' | 'safetensors'
  try {
    kind = await fileKind(source, signal)
  } catch (error) {
    await source.close()
    throw error
  }
  await source.close()
  const folder = await openFolder(dirname(path))
  return kind === 'gguf' ? openGgufOf(folder, basename(path), signal) : openSafetensors(folder, basename(path), signal)
}

async function openModelFolder(folder: Folder, signal?: AbortSignal): Promise<Checkpoint> {
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
  if (!isPart(checkpoint)) return checkpoint
  await checkpoint.close()
  return openGgufParts(folder, file, signal)
}

async function notFound(reference: string): Promise<CheckpointError> {
  const isShortName = /^[\w.-]+:[\w.-]+$/.test(reference)
  const problem = isShortName
    ? `There is no file or folder ${quoted(reference)}; short names of models arrive with a later version.`
    : `There is no file or folder ${quoted(reference)}.`
  const neighbours = await modelsBeside(reference)
  const remedy = neighbours.length > 0 ? `${ALLOWED} Beside it there is ${someOf(neighbours)}.` : ALLOWED
  return new CheckpointError('not-found', problem, { file: reference, remedy })
}

async function modelsBeside(path: string): Promise<readonly string[]> {
  const { dirname } = await import('node:path')
  const folder = await openFolder(dirname(path)).catch(() => undefined)
  return folder?.files.filter((file) => /\.(gguf|safetensors)$/.test(file)) ?? []
}

function someOf(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`
}
