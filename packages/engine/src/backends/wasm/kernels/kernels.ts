import { RUNNABLE_TYPES } from '../../../weights/element-type.ts'
import { ModuleBuilder } from '../emitter/module.ts'
import { appendKernel } from './append.ts'
import { attentionKernel } from './attention.ts'
import { addBiasKernel, addKernel, gatedSiluKernel, selectRowsKernel } from './elementwise.ts'
import { embeddingKernel } from './embedding.ts'
import { addLinear } from './linear.ts'
import { emitFloatTile } from './linear-float.ts'
import { emitQ4Tile } from './linear-q4-0.ts'
import { emitQ8Tile } from './linear-q8-0.ts'
import { normalizeKernel } from './normalize.ts'
import { panelProductFunction } from './panel-product.ts'
import { quantizeKernel } from './quantize.ts'
import { rotateHalfKernel, rotateInterleavedKernel } from './rotate.ts'
import { softmaxPageFunction } from './softmax-page.ts'
import { unpackHalvesFunction } from './unpack-halves.ts'
import { weightedSumKernel } from './weighted-sum.ts'

/** A kernel with its parameters in the order of its declaration: addresses, sizes, the range of its units. */
export type Kernel = (...parameters: number[]) => void

/** The one module of kernels. They know addresses only; nothing of models, graphs or banks. */
export function kernelModule(): ModuleBuilder {
  const module = new ModuleBuilder()
  addLinear(module, 'F32', emitFloatTile('F32'))
  addLinear(module, 'F16', emitFloatTile('F16'))
  addLinear(module, 'BF16', emitFloatTile('BF16'))
  addLinear(module, 'Q8_0', emitQ8Tile)
  addLinear(module, 'Q4_0', emitQ4Tile)
  for (const type of RUNNABLE_TYPES) module.add(embeddingKernel(type))
  const attentionParts = {
    unpackHalves: module.addInternal(unpackHalvesFunction()),
    panelProduct: module.addInternal(panelProductFunction()),
    softmaxPage: module.addInternal(softmaxPageFunction()),
  }
  for (const type of ['f32', 'f16'] as const) {
    module.add(appendKernel(type))
    module.add(attentionKernel(type, attentionParts))
  }
  module.add(quantizeKernel())
  module.add(normalizeKernel())
  module.add(rotateHalfKernel())
  module.add(rotateInterleavedKernel())
  module.add(gatedSiluKernel())
  module.add(addKernel())
  module.add(addBiasKernel())
  module.add(selectRowsKernel())
  module.add(weightedSumKernel())
  return module
}
