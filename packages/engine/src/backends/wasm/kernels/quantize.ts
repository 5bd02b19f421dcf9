import {
  type F32,
  type I32,
  lane,
  load,
  op,
  shuffleBytes,
  sum,
  type V128,
  vectorOf,
  vectorOfBits,
  zeroVector,
} from '../emitter/expression.ts'
import { FunctionBuilder } from '../emitter/function.ts'
import { BYTE_OF_COLUMN, QUAD } from '../layout/block-layout.ts'
import { ACTIVATION_BLOCK_BYTES, ACTIVATION_PARTS, LANES_BYTES } from '../layout/geometry.ts'
import { HALF_FACTOR, halvesOf } from './half.ts'
import { largestLane, sumOfIntegerLanes } from './reduce.ts'
import { ROUNDER, roundedSum } from './rounding.ts'

/**
 * Rounds rows [from, to) of activations to 8 bits in blocks of 32, as llama.cpp does: d = max |x| / 127, quants
 * q = x (127 / max |x|) to the nearest integer, ties to even, and d itself rounded to a half.
 * See layout/geometry.ts for what a block holds.
 */
export function quantizeKernel(): FunctionBuilder {
  const f = new FunctionBuilder('quantize')
  const { input, inputStride, output, outputStride, blocks, from, to } = f.parameterList(
    'input',
    'inputStride',
    'output',
    'outputStride',
    'blocks',
    'from',
    'to',
  )
  const row = f.let('row', from)
  const source = f.local('source', 'i32')
  const target = f.local('target', 'i32')
  const lanes = f.local('lanes', 'i32')
  const block = f.local('block', 'i32')
  f.forRange(row, to, 1, () => {
    f.set(source, sum(input, op('i32.mul', row, inputStride)))
    f.set(target, sum(output, op('i32.mul', row, outputStride)))
    f.set(lanes, sum(target, op('i32.mul', blocks, ACTIVATION_BLOCK_BYTES)))
    f.set(block, 0)
    f.forRange(block, blocks, 1, () => {
      emitBlock(f, source, target, lanes)
      f.increase(source, 128)
      f.increase(target, ACTIVATION_BLOCK_BYTES)
      f.increase(lanes, LANES_BYTES)
    })
  })
  return f
}

function emitBlock(f: FunctionBuilder, source: I32, target: I32, lanes: I32): void {
  const vectors = Array.from({ length: 8 }, (_, i) => f.let(`x${i}`, load('v128.load', source, 16 * i)))
  const absolutes: V128[] = vectors.map((vector) => op('f32x4.abs', vector))
  const largest = f.let(
    'largest',
    largestLane(
      f,
      // Not pmax, which would pass over what is not a number: that must not become one.
      absolutes.reduce((a, b) => op('f32x4.max', a, b)),
    ),
  )
  const factor = f.local('factor', 'v128')
  f.set(factor, zeroVector())
  f.if(op('f32.gt', largest, 0), () => {
    f.set(factor, op('f32x4.splat', op('f32.div', 127, largest)))
  })
  const rounded = vectors.map((vector) => {
    return op('i32x4.sub', roundedSum(op('f32x4.mul', vector, factor)), vectorOf(ROUNDER))
  })
  const quants = [0, 1, 2, 3].map((i) => {
    return f.let(`quants${i}`, op('i16x8.narrow_i32x4_s', rounded[2 * i], rounded[2 * i + 1]))
  })
  quants.forEach((vector, i) => {
    f.store('v128.store', lanes, 16 * i, vector)
  })
  for (const half of [0, 1]) {
    const bytes = f.let('bytes', op('i8x16.narrow_i16x8_s', quants[2 * half], quants[2 * half + 1]))
    f.store('v128.store', target, 16 * half, shuffleBytes(bytes, bytes, IN_BYTE_ORDER))
  }
  const halves = halvesOf(f, op('f32x4.splat', op('f32.div', largest, 127)))
  const halfScale = f.let('halfScale', scaleOf(halves))
  f.store('f32.store', target, ACTIVATION_PARTS.halfScale, halfScale)
  f.store('f32.store', target, ACTIVATION_PARTS.scale, op('f32.mul', halfScale, 2 ** -112))
  for (const half of [0, 1]) {
    const eight = op('i16x8.add', quants[2 * half], quants[2 * half + 1])
    const four = op('i32x4.dot_i16x8_s', eight, vectorOfBits(0x0001_0001))
    f.store('i32.store16', target, ACTIVATION_PARTS.sums + 2 * half, sumOfIntegerLanes(f, four))
  }
}

/** Of 16 columns: where BYTE_OF_COLUMN has them. It changes places in pairs, and so is its own inverse. */
const IN_BYTE_ORDER = Array.from({ length: 16 }, (_, i) => QUAD * Math.floor(i / QUAD) + BYTE_OF_COLUMN[i % QUAD])

/** The half in the lowest lane times 2^112. Moved into the place of a float it is 2^112 too small. */
function scaleOf(halves: V128): F32 {
  const moved = op('i32x4.shl', halves, 13)
  const scaled = op('f32x4.mul', op('f32x4.mul', moved, vectorOf(HALF_FACTOR)), vectorOf(HALF_FACTOR))
  return lane('f32x4.extract_lane', scaled, 0)
}
