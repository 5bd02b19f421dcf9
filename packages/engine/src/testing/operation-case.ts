import type { Graph, Value, Weight } from '../graph/operations.ts'
import { Recorder } from '../graph/recorder.ts'
import type { Tensor } from '../weights/tensor.ts'
import { floatTensor, randomNumbers } from './random-tensors.ts'

/** A graph with its weights. */
export interface OperationCase {
  readonly graph: Graph
  readonly tensors: ReadonlyMap<string, Tensor>
}

/** Records a graph whose inputs are the rows of float tables: the token with id i is row i of each. */
export class CaseBuilder {
  readonly recorder = new Recorder()
  readonly tensors = new Map<string, Tensor>()

  input(name: string, width: number, rows = 128, values = normals(rows * width, width + rows)): Value {
    const tensor = floatTensor(`${name}.table`, [rows, width], values)
    return this.recorder.embedding(this.weight(tensor), name)
  }

  weight(tensor: Tensor): Weight {
    this.tensors.set(tensor.name, tensor)
    const columns = tensor.shape[tensor.shape.length - 1]
    return { name: tensor.name, rows: tensor.shape.length === 1 ? 1 : tensor.shape[0], columns }
  }

  finish(logits: Value): OperationCase {
    return { graph: this.recorder.finish(logits), tensors: this.tensors }
  }
}

/** Normally distributed numbers, with a few outliers as in real activations. */
export function normals(count: number, seed: number): Float32Array<ArrayBuffer> {
  const random = randomNumbers(seed)
  return Float32Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    return random() < 0.005 ? 8 * normal : normal
  })
}

/**
 * Integers times a power of 2, a 127 in every block of 32 and the others much smaller, and no block with less than a
 * sixteenth of the largest: rounding to 8 bits loses nothing.
 */
export function losslessActivations(count: number, seed: number): Float32Array<ArrayBuffer> {
  const random = randomNumbers(seed)
  return Float32Array.from({ length: count }, (_, i) => {
    return (i % 32 === 5 ? 127 : Math.round(110 * random()) - 55) * 2 ** ((Math.floor(i / 32) % 5) - 2)
  })
}
