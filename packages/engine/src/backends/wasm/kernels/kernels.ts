import { type DecodableType, isFloat } from '../../../weights/element-type.ts'
import type { CacheType } from '../../backend.ts'
import { ModuleBuilder } from '../emitter/module.ts'
import { blockLayout } from '../layout/block-layout.ts'
import { type FloatCacheType, type IntegerCacheType, isOfIntegers } from '../layout/key-value-pages.ts'
import { appendKernel } from './append.ts'
import { appendIntegersKernel, storeKeyFunction, storeValueFunction } from './append-integers.ts'
import { attentionKernel } from './attention.ts'
import { attentionOfFloats } from './attention-floats.ts'
import { attentionOfIntegers } from './attention-integers.ts'
import {
  joinRunFunction,
  joinRunsKernel,
  keepRunFunction,
  type RunParts,
  writeAttendedFunction,
} from './attention-runs.ts'
import { addBiasKernel, addKernel, gatedSiluKernel, selectRowsKernel } from './elementwise.ts'
import { embeddingKernel } from './embedding.ts'
import { addLinear } from './linear.ts'
import { emitBlocksTile } from './linear-blocks.ts'
import { emitFloatTile } from './linear-float.ts'
import { isFused } from './multiply-add.ts'
import { normalizeKernel } from './normalize.ts'
import type { Operands } from './operands.ts'
import { panelProductFunction } from './panel-product.ts'
import { integerProductFunction } from './panel-product-integers.ts'
import { quantizeBlocksKernel, quantizeSuperBlocksKernel } from './quantize.ts'
import { rotateHalfKernel, rotateInterleavedKernel } from './rotate.ts'
import { roundQueryFunction } from './round-integers.ts'
import { softmaxPageFunction, softmaxPageToIntegersFunction } from './softmax-page.ts'
import { unpackHalvesFunction } from './unpack-halves.ts'
import { weightedSumKernel } from './weighted-sum.ts'

/** A kernel with its parameters in the order of its declaration: addresses, sizes, the range of its units. */
export type Kernel = (...parameters: number[]) => void

/** What kernels are for. */
export interface KernelSet {
  /** Of weights. */
  readonly types: Iterable<DecodableType>
  /** Of keys and values. */
  readonly cacheTypes: Iterable<CacheType>
  readonly operands: Operands
  /** See `needsFences`. */
  readonly fenced: boolean
}

/** A module of kernels. They know addresses only; nothing of models, graphs or banks. */
export function kernelModule({ types, cacheTypes, operands, fenced }: KernelSet): ModuleBuilder {
  const module = new ModuleBuilder()
  for (const type of types) {
    addLinear(
      module,
      type,
      isFloat(type) ? emitFloatTile(type) : emitBlocksTile(blockLayout(type), { operands, fenced }),
    )
    module.add(embeddingKernel(type))
  }
  const runs = {
    keepRun: module.addInternal(keepRunFunction()),
    joinRun: module.addInternal(joinRunFunction(isFused(operands))),
    writeAttended: module.addInternal(writeAttendedFunction()),
  }
  module.add(joinRunsKernel(runs))
  for (const type of cacheTypes) {
    if (isOfIntegers(type)) addAttentionOfIntegers(module, type, isFused(operands), runs)
    else addAttentionOfFloats(module, type, isFused(operands), runs)
  }
  module.add(quantizeBlocksKernel())
  module.add(quantizeSuperBlocksKernel())
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

/** @param fused multiply and add round once, where the machine does so */
function addAttentionOfFloats(module: ModuleBuilder, type: FloatCacheType, fused: boolean, runs: RunParts): void {
  const parts = {
    softmaxPage: module.addInternal(softmaxPageFunction(fused)),
    unpackHalves: module.addInternal(unpackHalvesFunction()),
    productWithFloats: module.addInternal(panelProductFunction('f32', fused)),
    productWithHalves: module.addInternal(panelProductFunction('f16', fused)),
  }
  module.add(appendKernel(type))
  module.add(attentionKernel(type, attentionOfFloats(type, parts), runs))
}

/** @param fused as above */
function addAttentionOfIntegers(module: ModuleBuilder, type: IntegerCacheType, fused: boolean, runs: RunParts): void {
  const parts = {
    softmaxPage: module.addInternal(softmaxPageToIntegersFunction(type, fused)),
    roundQuery: module.addInternal(roundQueryFunction(type)),
    keyProduct: module.addInternal(integerProductFunction('key', type, fused)),
    valueProduct: module.addInternal(integerProductFunction('value', type, fused)),
  }
  const storeKey = module.addInternal(storeKeyFunction(type))
  const storeValue = module.addInternal(storeValueFunction(type))
  module.add(appendIntegersKernel(type, { storeKey, storeValue }))
  module.add(attentionKernel(type, attentionOfIntegers(type, parts), runs))
}
