import { rotaryDivisors } from '../architectures/blocks/rotary.ts'
import type { ModelDescription } from '../architectures/describe.ts'
import { MemorySource } from '../bytes/memory-source.ts'
import { isDecodable } from '../weights/element-type.ts'
import { joinedTensors } from '../weights/joined-tensors.ts'
import { quantizedTensor } from '../weights/quantized-tensor.ts'
import { reorderedRows } from '../weights/reordered-rows.ts'
import type { Tensor } from '../weights/tensor.ts'
import { type FileType, typeInFile } from './file-type.ts'
import { interleavedRows } from './row-order.ts'

/**
 * The tensors of a Hugging Face folder as in a GGUF file of some type: rows of queries and keys in the file's order, the
 * experts of a layer in one tensor, Llama 3's scaling as `rope_freqs.weight`. Nothing is read before the tensors are.
 */
export function tensorsToGguf(
  { architecture, config, tensors }: ModelDescription,
  fileType: FileType,
): Map<string, Tensor> {
  const { headDimension, layers, rotary } = config
  const place = { layers, head: headOf(tensors) }
  const order = architecture.ggufPairing === 'interleaved' ? interleavedRows(headDimension) : undefined
  const converted = (name: string, tensor: Tensor): Tensor => {
    const shape = tensor.shape.length === 0 ? [1] : tensor.shape
    return quantizedTensor({ ...tensor, shape }, typeInFile({ name, shape, ...place }, fileType))
  }
  const result = new Map<string, Tensor>()
  if (rotary.scaling.type === 'llama3') {
    result.set('rope_freqs.weight', floats('rope_freqs.weight', rotaryDivisors(rotary)))
  }
  const experts = new Map<string, Tensor[]>()
  for (const [name, tensor] of tensors) {
    const [, layer, kind, expert] = /^blk\.(\d+)\.ffn_(gate|up|down)\.(\d+)\.weight$/.exec(name) ?? []
    if (expert === undefined) {
      const isRotated = order !== undefined && /\.attn_[qk]\.(weight|bias)$/.test(name)
      result.set(name, converted(name, isRotated ? reorderedRows(tensor, order) : tensor))
      continue
    }
    const stacked = `blk.${layer}.ffn_${kind}_exps.weight`
    const parts = experts.get(stacked) ?? []
    experts.set(stacked, parts)
    parts[Number(expert)] = converted(stacked, tensor)
  }
  for (const [name, parts] of experts) result.set(name, joinedTensors(name, parts))
  return result
}

/** The tensors of a GGUF file in another type. What is no weight, or of a type that cannot be read, stays as it is. */
export function tensorsOfGguf(
  tensors: ReadonlyMap<string, Tensor>,
  layers: number,
  fileType: FileType,
): Map<string, Tensor> {
  const place = { layers, head: headOf(tensors) }
  const result = new Map<string, Tensor>()
  for (const [name, tensor] of tensors) {
    const type = typeInFile({ name, shape: tensor.shape, ...place }, fileType)
    result.set(name, isDecodable(tensor.type) ? quantizedTensor(tensor, type) : tensor)
  }
  return result
}

/** The tensor that gives the logits. */
export function headOf(tensors: ReadonlyMap<string, Tensor>): string {
  return tensors.has('output.weight') ? 'output.weight' : 'token_embd.weight'
}

function floats(name: string, values: Float32Array): Tensor {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const source = new MemorySource(name, bytes)
  return { name, type: 'F32', shape: [values.length], source, offset: 0, byteLength: bytes.length }
}
