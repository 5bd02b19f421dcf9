import { CheckpointError } from '../errors.ts'

/** A file of a repository or of a folder, whatever else is known of it. */
interface Named {
  /** With slashes. */
  readonly path: string
}

/** The files of one model: the one to open (`''` for their folder), and all that it needs. */
export interface Choice<File extends Named> {
  readonly open: string
  readonly files: readonly File[]
}

/** What is tried first where a name leaves the quantisation open and a repository has several. */
const USUAL = ['Q4_K_M', 'Q8_0', 'Q4_0', 'Q5_K_M', 'Q6_K', 'BF16', 'F16', 'F32']

/** Beside the weights: configuration, tokenizer, chat template, the index of the weights. */
const COMPANION = /^(?:[\w.-]+\.json|[\w.-]+\.jinja|tokenizer\.model|merges\.txt|vocab\.txt)$/

const PART = /-\d{5}-of-(\d{5})(?=\.gguf$)/

/**
 * Which files make up the model that is meant.
 * @param choice a quantisation, a path, or undefined for the folder of safetensors files or the usual quantisation
 * @throws CheckpointError `not-found` that says what there is
 */
export function chooseFiles<File extends Named>(
  files: readonly File[],
  choice: string | undefined,
  where: string,
): Choice<File> {
  const chosen = choice === undefined ? unnamed(files, where) : named(files, choice, where)
  if (chosen) return chosen
  const weights = files.filter(({ path }) => /\.(gguf|safetensors)$/.test(path))
  const there = (weights.length > 0 ? weights : files).map(({ path }) => path)
  const what = choice === undefined ? 'no model that laju can open' : `no "${choice}"`
  throw new CheckpointError('not-found', `There is ${what} in ${where}.`, {
    file: where,
    remedy: there.length > 0 ? `It has ${someOf(there)}.` : 'It is empty.',
  })
}

/** Every model of a folder: its safetensors files together, and each GGUF file that is whole. */
export function listModels<File extends Named>(files: readonly File[]): Choice<File>[] {
  const whole = safetensors(files)
  const ggufs = firstsOf(files).flatMap((file) => partsOf(files, file) ?? [])
  return whole ? [whole, ...ggufs] : ggufs
}

function named<File extends Named>(files: readonly File[], choice: string, where: string): Choice<File> | undefined {
  const exact = files.find(({ path }) => path === choice)
  if (exact) return choice.endsWith('.gguf') ? partsOf(files, exact) : folder(files, (path) => path === choice, choice)
  return quantised(files, choice, where)
}

function unnamed<File extends Named>(files: readonly File[], where: string): Choice<File> | undefined {
  const whole = safetensors(files)
  if (whole) return whole
  const ggufs = firstsOf(files)
  if (ggufs.length === 1) return partsOf(files, ggufs[0])
  for (const type of USUAL) {
    const found = quantised(files, type, where)
    if (found) return found
  }
  return ggufs.length > 0 ? several(ggufs, where) : undefined
}

/** The weights as transformers names them; else whatever weights there are. */
function safetensors<File extends Named>(files: readonly File[]): Choice<File> | undefined {
  const usual = folder(files, (path) => /^model(-\d+-of-\d+)?\.safetensors$/.test(path), '')
  return usual ?? adapter(files) ?? folder(files, (path) => /^[^/]+\.safetensors$/.test(path), '')
}

/** An adapter as PEFT saves it. */
function adapter<File extends Named>(files: readonly File[]): Choice<File> | undefined {
  const parts = files.filter(({ path }) => path === 'adapter_config.json' || path === 'adapter_model.safetensors')
  return parts.length === 2 ? { open: '', files: parts } : undefined
}

/** Safetensors files with what lies beside them. */
function folder<File extends Named>(
  files: readonly File[],
  isWeight: (path: string) => boolean,
  open: string,
): Choice<File> | undefined {
  const weights = files.filter(({ path }) => isWeight(path))
  if (weights.length === 0 || !files.some(({ path }) => path === 'config.json')) return undefined
  return { open, files: [...files.filter(({ path }) => COMPANION.test(path)), ...weights] }
}

/** `Q8_0` is in `model-q8_0.gguf` and in `Q8_0/model.gguf`, but `Q4_K` is not in `model-Q4_K_M.gguf`. */
function quantised<File extends Named>(files: readonly File[], type: string, where: string): Choice<File> | undefined {
  const escaped = type.replaceAll(/[^\w]/g, '\\$&')
  const pattern = new RegExp(`(?:^|[-./])${escaped}(?=[-./])`, 'i')
  const found = firstsOf(files).filter(({ path }) => pattern.test(path.replace(PART, '')))
  if (found.length === 0) return undefined
  // Among m-Q4_K_M and m-UD-Q4_K_M the plain one is meant.
  const shortest = Math.min(...found.map(({ path }) => path.length))
  const [first, ...others] = found.filter(({ path }) => path.length === shortest)
  return others.length === 0 ? partsOf(files, first) : several(found, where)
}

/** GGUF models, a split one as its first part. Projectors of images are no models. */
function firstsOf<File extends Named>(files: readonly File[]): File[] {
  return files.filter(({ path }) => {
    if (!path.endsWith('.gguf') || /(^|\/)mmproj/i.test(path)) return false
    return !PART.test(path) || /-00001-of-\d{5}\.gguf$/.test(path)
  })
}

/** A GGUF file, with the other parts if it is split. Undefined when some are missing. */
function partsOf<File extends Named>(files: readonly File[], file: File): Choice<File> | undefined {
  const count = Number(PART.exec(file.path)?.[1] ?? 1)
  if (count === 1) return { open: file.path, files: [file] }
  const model = file.path.replace(PART, '')
  const parts = files.filter(({ path }) => PART.test(path) && path.replace(PART, '') === model)
  const first = parts.find(({ path }) => path.includes('-00001-of-'))
  return first && parts.length === count ? { open: first.path, files: parts } : undefined
}

function several(files: readonly Named[], where: string): never {
  throw new CheckpointError('not-found', `${where} has ${files.length} models, and the name does not say which.`, {
    file: where,
    remedy: `Add one to the name, after a colon: ${someOf(files.map(({ path }) => path))}.`,
  })
}

function someOf(names: readonly string[]): string {
  return names.length <= 12 ? names.join(', ') : `${names.slice(0, 12).join(', ')} and ${names.length - 12} more`
}
