import { throwIfAborted } from '../errors.ts'
import type { LowRank, LowRankUpdates } from '../graph/low-rank.ts'
import type { Graph, LinearOperation, RotaryPairing } from '../graph/operations.ts'
import { type AdapterFile, type AdapterPair, adapterError, MERGE } from '../weights/adapter.ts'
import { quoted } from '../weights/quoted.ts'
import { readFloat32 } from '../weights/read.ts'
import type { Tensor } from '../weights/tensor.ts'
import type { ModelDescription } from './describe.ts'
import { ggufNameOf } from './tensor-names.ts'

const TABLE = 'token_embd.weight'
const HEAD = 'output.weight'

const OTHER_MODEL = 'Attach it to the model that it was trained on (see what `laju inspect` says of it).'

/**
 * Reads an adapter as updates of a model's own weights: by their names, and with rows in their order.
 * @throws CheckpointError `adapter-mismatch` when it was made for another model, `unsupported-adapter` for weights that
 *   no linear operation reads, `invalid-checkpoint` for numbers that are none, and as `readFloat32`
 */
export async function fitAdapter(
  adapter: AdapterFile,
  model: ModelDescription,
  signal?: AbortSignal,
): Promise<LowRankUpdates> {
  refuseOtherFamily(adapter, model)
  const linears = linearWeights(model.graph)
  const updates = new Map<string, LowRank>()
  for (const [target, pair] of adapter.pairs) {
    const { name, rows, columns } = weightOf(target, adapter, model, linears)
    if (updates.has(name)) throw mismatch(adapter, target, `${quoted(target)} is adapted twice`)
    const [[, across], [down]] = [pair.a.shape, pair.b.shape]
    if (across !== columns || down !== rows) {
      const shapes = `an update of [${down}, ${across}], but the weight is [${rows}, ${columns}]`
      throw mismatch(adapter, target, `its matrices for ${quoted(target)} are ${shapes}`)
    }
    updates.set(name, await readUpdate(pair, reordering(name, adapter, model), signal))
  }
  return updates
}

function refuseOtherFamily({ format, name, architecture }: AdapterFile, model: ModelDescription): void {
  if (format !== 'gguf' || architecture === model.architecture.name) return
  const family = architecture === undefined ? 'no architecture' : `the architecture ${quoted(architecture)}`
  const problem = `it is for ${family}, but the model is of ${quoted(model.architecture.name)}`
  throw adapterError('adapter-mismatch', name, 'general.architecture', problem, OTHER_MODEL)
}

function linearWeights({ operations }: Graph): Map<string, LinearOperation['weight']> {
  return new Map(
    operations.flatMap((operation) =>
      operation.kind === 'linear' ? [[operation.weight.name, operation.weight] as const] : [],
    ),
  )
}

/** The weight of the model that a target means. */
function weightOf(
  target: string,
  adapter: AdapterFile,
  { architecture, tensors, config }: ModelDescription,
  linears: ReadonlyMap<string, LinearOperation['weight']>,
): LinearOperation['weight'] {
  const name = adapter.format === 'gguf' ? target : ggufNameOf(target, architecture.huggingFaceTensors)
  // Where the table serves as head, an adapter of the head is one of that use of it.
  const read = name === HEAD && !tensors.has(HEAD) ? TABLE : name
  const weight = read === undefined || name === TABLE ? undefined : linears.get(read)
  if (weight) return weight
  if (name !== undefined && tensors.has(name)) {
    const problem = `it adapts ${quoted(target)}; only the weights of linear layers can be adapted, not tables, experts or norms`
    throw adapterError('unsupported-adapter', adapter.name, target, problem, MERGE)
  }
  const layers = `the model (${architecture.name}, ${config.layers} layers)`
  throw mismatch(adapter, target, `it adapts ${quoted(target)}, which ${layers} does not have`)
}

function mismatch({ name }: AdapterFile, target: string, problem: string) {
  return adapterError('adapter-mismatch', name, target, problem, OTHER_MODEL)
}

async function readUpdate(
  { a, b, rank, scale }: AdapterPair,
  rowOf: (row: number) => number,
  signal?: AbortSignal,
): Promise<LowRank> {
  throwIfAborted(signal)
  const stored = await readNumbers(b, signal)
  const ordered = new Float32Array(stored.length)
  for (let row = 0; row * rank < stored.length; row++) {
    const from = rowOf(row) * rank
    ordered.set(stored.subarray(from, from + rank), row * rank)
  }
  return { rank, scale, a: await readNumbers(a, signal), b: ordered }
}

async function readNumbers(tensor: Tensor, signal?: AbortSignal): Promise<Float32Array> {
  const values = await readFloat32(tensor, signal)
  const wrong = values.find((value) => !Number.isFinite(value))
  if (wrong === undefined) return values
  const problem = `the tensor ${quoted(tensor.name)} has the value ${wrong}`
  const remedy = 'Its training failed, or the file is damaged; get another.'
  throw adapterError('invalid-checkpoint', tensor.source.name, tensor.name, problem, remedy)
}

/**
 * Which row of an adapter's B belongs to a row of the weight. They differ for queries and keys where adapter and model
 * pair a head's dimensions differently: half pairs (i, i + n/2) lie interleaved as (2i, 2i + 1).
 */
function reordering(name: string, adapter: AdapterFile, model: ModelDescription): (row: number) => number {
  const { headDimension, rotary } = model.config
  const pairing: RotaryPairing = adapter.format === 'gguf' ? model.architecture.ggufPairing : 'half'
  if (pairing === rotary.pairing || !/\.attn_[qk]\.weight$/.test(name)) return (row) => row
  const half = headDimension / 2
  return (row) => {
    const at = row % headDimension
    const from =
      rotary.pairing === 'interleaved' ? (at % 2) * half + (at >> 1) : 2 * (at % half) + Math.floor(at / half)
    return row - at + from
  }
}
