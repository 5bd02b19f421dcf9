import type { ByteSource } from '../bytes/byte-source.ts'
import type { Folder } from '../bytes/folder.ts'
import { CheckpointError } from '../errors.ts'
import type { JsonObject, SafetensorsCheckpoint } from './checkpoint.ts'
import { parseJsonObject, readAll } from './json.ts'
import { quoted } from './quoted.ts'
import { readSafetensorsHeader } from './safetensors-header.ts'
import { shardsOfIndex } from './safetensors-index.ts'
import type { Tensor } from './tensor.ts'

const WHOLE = 'model.safetensors'
const INDEX = 'model.safetensors.index.json'

/** Configurations have some kilobytes, the longest tokenizers some 35 MB, an index of 100,000 tensors 8 MB. */
const LONGEST_JSON = 2 ** 26
const LONGEST_TOKENIZER = 2 ** 28

/**
 * Opens a Hugging Face folder: config.json, the files of the tokenizer, and the headers of the weights, which are
 * model.safetensors, or the shards of model.safetensors.index.json, or `weightsFile`.
 * @throws CheckpointError `not-found`, `unsupported-format`, `unsupported-type`, `invalid-checkpoint`, `truncated`,
 *   `read-failed`
 */
export async function openSafetensors(
  folder: Folder,
  weightsFile?: string,
  signal?: AbortSignal,
): Promise<SafetensorsCheckpoint> {
  const config = await readJson(folder, 'config.json', signal)
  if (!config) throw missing(folder, 'config.json', 'Download the config.json of the model into the folder.')
  const tokenizer = await readFile(folder, 'tokenizer.json', LONGEST_TOKENIZER, signal)
  const companions = {
    config,
    generationConfig: await readJson(folder, 'generation_config.json', signal),
    tokenizer,
    sentencePiece: tokenizer ? undefined : await readFile(folder, 'tokenizer.model', LONGEST_TOKENIZER, signal),
    tokenizerConfig: await readJson(folder, 'tokenizer_config.json', signal),
    chatTemplate: await readText(folder, 'chat_template.jinja', signal),
  }
  const sources: ByteSource[] = []
  const close = async (): Promise<void> => {
    await Promise.all(sources.map((source) => source.close()))
  }
  try {
    const tensors = weightsFile
      ? await readShards(folder, [weightsFile], sources, signal)
      : await readModel(folder, sources, signal)
    return { format: 'safetensors', name: folder.name, ...companions, tensors, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function readModel(folder: Folder, sources: ByteSource[], signal?: AbortSignal): Promise<Map<string, Tensor>> {
  if (folder.files.includes(WHOLE)) return readShards(folder, [WHOLE], sources, signal)
  const index = await readJson(folder, INDEX, signal)
  if (!index) throw missing(folder, `${WHOLE} or ${INDEX}`, whatElse(folder))
  const shardOf = shardsOfIndex(index, `${folder.name}/${INDEX}`)
  const tensors = await readShards(folder, [...new Set(shardOf.values())].sort(), sources, signal)
  for (const [name, shard] of shardOf) {
    if (tensors.has(name)) continue
    throw new CheckpointError('invalid-checkpoint', `${folder.name}: ${shard} lacks the tensor ${quoted(name)}.`, {
      file: `${folder.name}/${shard}`,
      field: name,
      remedy: 'The shards are of different models or damaged; download them again.',
    })
  }
  return tensors
}

/** Opens the files into `sources`, and lists all their tensors. */
async function readShards(
  folder: Folder,
  files: readonly string[],
  sources: ByteSource[],
  signal?: AbortSignal,
): Promise<Map<string, Tensor>> {
  const lost = files.find((file) => !folder.files.includes(file))
  if (lost) throw missing(folder, lost, 'Download this part of the model as well.')
  const tensors = new Map<string, Tensor>()
  for (const file of files) {
    const source = await folder.open(file)
    sources.push(source)
    for (const tensor of await readSafetensorsHeader(source, signal)) {
      const other = tensors.get(tensor.name)
      if (other) throw twice(tensor, other)
      tensors.set(tensor.name, tensor)
    }
  }
  return tensors
}

async function readFile(
  folder: Folder,
  file: string,
  longest: number,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (!folder.files.includes(file)) return undefined
  const source = await folder.open(file)
  try {
    return await readAll(source, longest, signal)
  } finally {
    await source.close()
  }
}

async function readJson(folder: Folder, file: string, signal?: AbortSignal): Promise<JsonObject | undefined> {
  const bytes = await readFile(folder, file, LONGEST_JSON, signal)
  return bytes && parseJsonObject(bytes, folder.name, file)
}

async function readText(folder: Folder, file: string, signal?: AbortSignal): Promise<string | undefined> {
  const bytes = await readFile(folder, file, LONGEST_JSON, signal)
  return bytes && new TextDecoder().decode(bytes)
}

function twice(tensor: Tensor, other: Tensor): CheckpointError {
  const problem = `${tensor.source.name}: the tensor ${quoted(tensor.name)} is in ${other.source.name} too.`
  const remedy = 'Keep only the files of one model in the folder, or download them again.'
  return new CheckpointError('invalid-checkpoint', problem, { file: tensor.source.name, field: tensor.name, remedy })
}

function missing(folder: Folder, file: string, remedy: string): CheckpointError {
  return new CheckpointError('not-found', `There is no ${file} in ${folder.name}.`, { file: folder.name, remedy })
}

function whatElse(folder: Folder): string {
  const others = folder.files.filter((file) => file.endsWith('.safetensors')).slice(0, 5)
  if (others.length === 0) return 'Download the .safetensors files of the model into the folder.'
  return `Name one of its weight files (${others.join(', ')}) in place of the folder.`
}
