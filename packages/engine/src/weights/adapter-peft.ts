import type { Folder } from '../bytes/folder.ts'
import { type AdapterFile, adapterError, MERGE, type PartOf, pairTensors } from './adapter.ts'
import type { JsonObject, JsonValue } from './checkpoint.ts'
import { isJsonObject, parseJsonObject, readAll } from './json.ts'
import { quoted } from './quoted.ts'
import { readSafetensorsHeader } from './safetensors-header.ts'
import type { Tensor } from './tensor.ts'

export const PEFT_CONFIG = 'adapter_config.json'
export const PEFT_WEIGHTS = 'adapter_model.safetensors'

const LONGEST_CONFIG = 2 ** 24

/** Fields that make more of an adapter than y = W x + scale B (A x). Null, false and empty ones do not. */
const BEYOND_PLAIN_LORA = [
  'use_dora',
  'lora_bias',
  'modules_to_save',
  'trainable_token_indices',
  'target_parameters',
  'layer_replication',
  'alora_invocation_tokens',
  'use_qalora',
  'use_bdlora',
  'arrow_config',
  'kasa_config',
  'monteclora_config',
] as const

/** Starts of training that leave the model's weights as they are; the others move part of them into the adapter. */
const KEEPING_THE_MODEL = ['gaussian', 'eva', 'orthogonal']

/**
 * Opens an adapter that PEFT has saved: adapter_config.json, and the header of adapter_model.safetensors or of
 * `weightsFile`. `fan_in_fan_out` says how a merged matrix would lie, and changes nothing here. Source: huggingface/peft,
 * `tuners/lora/config.py` and `utils/save_and_load.py`.
 * @throws CheckpointError `unsupported-adapter` that names the field, `invalid-checkpoint`, `not-found`, and as
 *   `readSafetensorsHeader`
 */
export async function openPeftAdapter(
  folder: Folder,
  weightsFile = PEFT_WEIGHTS,
  signal?: AbortSignal,
): Promise<AdapterFile> {
  const config = await readConfig(folder, signal)
  const scaleOf = scaling(config, `${folder.name}/${PEFT_CONFIG}`)
  if (!folder.files.includes(weightsFile)) throw missing(folder, weightsFile)
  const source = await folder.open(weightsFile)
  try {
    const tensors = await readSafetensorsHeader(source, signal)
    refuseTables(tensors, source.name)
    const pairs = pairTensors(source.name, tensors, partOf, scaleOf)
    const base = config.base_model_name_or_path
    const baseModel = typeof base === 'string' && base !== '' ? base : undefined
    return { format: 'peft', name: folder.name, baseModel, architecture: undefined, pairs, close: () => source.close() }
  } catch (error) {
    await source.close()
    throw error
  }
}

/** PEFT adds the whole table or head that is adapted, which may have been trained or enlarged. */
function refuseTables(tensors: readonly Tensor[], file: string): void {
  const table = tensors.find(({ name }) => name.endsWith('.base_layer.weight'))
  if (!table) return
  const problem = `the tensor ${quoted(table.name)} is a weight of the model itself, which an adapter cannot replace here`
  const remedy = `If it is as in the model, save again with \`save_pretrained(…, save_embedding_layers=False)\`. Or: ${MERGE}`
  throw adapterError('unsupported-adapter', file, table.name, problem, remedy)
}

async function readConfig(folder: Folder, signal?: AbortSignal): Promise<JsonObject> {
  if (!folder.files.includes(PEFT_CONFIG)) throw missing(folder, PEFT_CONFIG)
  const source = await folder.open(PEFT_CONFIG)
  try {
    return parseJsonObject(await readAll(source, LONGEST_CONFIG, signal), folder.name, PEFT_CONFIG)
  } finally {
    await source.close()
  }
}

/** `base_model.model.` is PEFT's; what follows is the module's name in the model that it wraps. */
const partOf: PartOf = (tensor) => {
  const [, module, letter] = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/s.exec(tensor) ?? []
  if (module === undefined) return undefined
  return { target: `${module}.weight`, part: letter === 'A' ? 'a' : 'b' }
}

/** What multiplies B A for a weight: alpha / rank, or alpha / sqrt(rank) with rsLoRA (arXiv 2312.03732). */
function scaling(config: JsonObject, file: string): (target: string, rank: number) => number {
  checkKind(config, file)
  const rsLora = isOn(config.use_rslora)
  const alpha = numberOf(config, 'lora_alpha', file)
  const r = numberOf(config, 'r', file)
  const alphaOf = patternsOf(config, 'alpha_pattern', file)
  const ownRanks = isOn(config.rank_pattern)
  return (target, rank) => {
    if (rank !== r && !ownRanks) {
      const problem = `r is ${r}, but the matrices for ${quoted(target)} are of rank ${rank}`
      throw adapterError('invalid-checkpoint', file, 'r', problem, 'The two files are of different adapters.')
    }
    return (alphaOf(target.replace(/\.weight$/, '')) ?? alpha) / (rsLora ? Math.sqrt(rank) : rank)
  }
}

function checkKind(config: JsonObject, file: string): void {
  const unsupported = (field: string, value: JsonValue | undefined) => {
    const problem = `${field} is ${quoted(JSON.stringify(value))}, which this version cannot attach`
    return adapterError('unsupported-adapter', file, field, problem, MERGE)
  }
  if (config.peft_type === undefined) {
    const problem = 'peft_type is missing: it is not of PEFT'
    const remedy = 'Adapters of other programs (MLX) must be converted; or fuse it into its model, and load that.'
    throw adapterError('unsupported-adapter', file, 'peft_type', problem, remedy)
  }
  if (config.peft_type !== 'LORA') throw unsupported('peft_type', config.peft_type)
  for (const field of BEYOND_PLAIN_LORA) if (isOn(config[field])) throw unsupported(field, config[field])
  const { bias = 'none', init_lora_weights: start = true } = config
  if (bias !== 'none') throw unsupported('bias', bias)
  if (typeof start === 'string' && !KEEPING_THE_MODEL.includes(start)) throw unsupported('init_lora_weights', start)
}

function isOn(value: JsonValue | undefined): boolean {
  return isJsonObject(value) || Array.isArray(value) ? Object.keys(value).length > 0 : Boolean(value)
}

function numberOf(config: JsonObject, field: string, file: string): number {
  // PEFT's own default, for both.
  const value = config[field] ?? 8
  if (typeof value === 'number' && Number.isFinite(value)) return value
  const problem = `${field} is ${quoted(JSON.stringify(value))}, not a number`
  throw adapterError('invalid-checkpoint', file, field, problem, 'The configuration is broken; get it again.')
}

/** Parts of a module's name that a pattern may leave out. Real names have some six. */
const MOST_PARTS = 32

/**
 * What a table of patterns says of a module. PEFT's keys are regular expressions for the end of its name, of which the
 * first that matches counts. Nearly all that exist are plain names; a stranger's expression could take forever, so others
 * are refused.
 */
function patternsOf(config: JsonObject, field: string, file: string): (module: string) => number | undefined {
  const patterns = config[field] ?? {}
  if (!isJsonObject(patterns)) {
    const problem = `${field} is not an object`
    throw adapterError('invalid-checkpoint', file, field, problem, 'The configuration is broken; get it again.')
  }
  const byName = new Map<string, { order: number; value: number }>()
  Object.keys(patterns).forEach((key, order) => {
    const name = key.replaceAll('\\.', '.')
    if (!/^\^?[\w.]+$/.test(name)) {
      const problem = `${field} has the regular expression ${quoted(key)}, which this version cannot follow`
      throw adapterError(
        'unsupported-adapter',
        file,
        field,
        problem,
        `Write names of modules in its place. Or: ${MERGE}`,
      )
    }
    if (!byName.has(name)) byName.set(name, { order, value: numberOf(patterns, key, file) })
  })
  return (module) => {
    const parts = module.split('.', MOST_PARTS)
    const ends = parts.map((_, i) => parts.slice(i).join('.'))
    const matching = [`^${module}`, ...ends].flatMap((end) => byName.get(end) ?? [])
    return matching.sort((one, other) => one.order - other.order)[0]?.value
  }
}

function missing(folder: Folder, file: string) {
  const pickled = folder.files.includes('adapter_model.bin') && file === PEFT_WEIGHTS
  const problem = `there is no ${file}${pickled ? ', but an adapter_model.bin, which is a PyTorch (pickle) file' : ''}`
  const remedy = pickled
    ? 'Load it with PEFT, and save it with `save_pretrained(…, safe_serialization=True)`.'
    : `An adapter of PEFT is a folder with ${PEFT_CONFIG} and ${PEFT_WEIGHTS}; get both.`
  return adapterError('not-found', folder.name, file, problem, remedy)
}
