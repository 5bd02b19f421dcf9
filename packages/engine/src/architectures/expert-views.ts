import { CheckpointError } from '../errors.ts'
import { quoted } from '../weights/quoted.ts'
import type { Tensor } from '../weights/tensor.ts'

/** Tensors that hold every expert of a layer, and the matrices of one expert in each, one after the other. */
const STACKED = /^blk\.(0|[1-9]\d*)\.ffn_(gate|up|down|gate_up)_exps\.weight$/

/**
 * Replaces tensors [experts, rows, columns] by a view for each expert's matrix, under the name that it has in files with
 * a tensor an expert: `blk.N.ffn_gate_exps.weight` becomes `blk.N.ffn_gate.E.weight`. Nothing is read or copied.
 * @throws CheckpointError `invalid-checkpoint` for a tensor that holds another number of experts
 */
export function expertViews(
  tensors: ReadonlyMap<string, Tensor>,
  { layers, experts }: { layers: number; experts: number },
): Map<string, Tensor> {
  const views = new Map<string, Tensor>()
  for (const [name, tensor] of tensors) {
    const [, layer, kind] = STACKED.exec(name) ?? []
    // Layers behind the last are no part of the model, and their number is not bounded.
    if (layer === undefined || kind === undefined || Number(layer) >= layers) {
      views.set(name, tensor)
      continue
    }
    const parts = kind === 'gate_up' ? ['gate', 'up'] : [kind]
    requireShape(tensor, experts, parts.length)
    for (let expert = 0; expert < experts; expert++) {
      parts.forEach((part, i) => {
        const view = slice(tensor, expert * parts.length + i, experts * parts.length)
        views.set(`blk.${layer}.ffn_${part}.${expert}.weight`, view)
      })
    }
  }
  return views
}

/** The i-th of `count` equal parts, as a matrix. */
function slice(tensor: Tensor, i: number, count: number): Tensor {
  const byteLength = tensor.byteLength / count
  const columns = tensor.shape[2]
  const rows = (tensor.shape[0] * tensor.shape[1]) / count
  return { ...tensor, shape: [rows, columns], offset: tensor.offset + i * byteLength, byteLength }
}

function requireShape({ name, shape, source }: Tensor, experts: number, parts: number): void {
  if (shape.length === 3 && shape[0] === experts && shape[1] % parts === 0) return
  throw new CheckpointError(
    'invalid-checkpoint',
    `${source.name}: tensor ${quoted(name)} is [${shape.join(', ')}], but the model's configuration says ${experts} experts.`,
    {
      file: source.name,
      field: name,
      remedy: 'The configuration does not belong to these weights; get the checkpoint again.',
    },
  )
}
