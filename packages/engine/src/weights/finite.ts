import { ELEMENT_LAYOUTS, type ElementType } from './element-type.ts'

/** Where in a block the half-precision factors lie that all of its weights are multiples or sums of. */
const FACTORS: { readonly [type in ElementType]?: readonly number[] } = {
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  IQ1_S: [0],
  IQ2_XXS: [0],
  IQ2_XS: [0],
  IQ2_S: [0],
  IQ3_XXS: [0],
  IQ3_S: [0],
  IQ4_NL: [0],
  IQ4_XS: [0],
  TQ1_0: [52],
  TQ2_0: [64],
  Q1_0: [0],
  Q2_0: [0],
}

const HALF_EXPONENT = 0x7c00
/** Of MXFP4: 2^(253 - 127) times its largest value, 6, is more than a float32 holds; 255 is not a number. */
const MXFP4_TOO_LARGE = 253

/**
 * Whether the weights that some whole blocks stand for are finite numbers. Looks at exponents only, at some 4 GB/s;
 * types that hold no infinities and no NaN are not looked at.
 * @param bytes begins at a multiple of 4 bytes of its buffer
 */
export function areFinite(type: ElementType, bytes: Uint8Array): boolean {
  switch (type) {
    case 'F32':
      return haveNoFullExponent(bytes, 0x7f80_0000, 0x0080_0000, 0x8000_0000)
    case 'F16':
      return haveNoFullExponent(bytes, 0x7c00_7c00, 0x0400_0400, 0x8000_8000)
    case 'BF16':
      return haveNoFullExponent(bytes, 0x7f80_7f80, 0x0080_0080, 0x8000_8000)
    case 'MXFP4':
      return blocks(type, bytes, (block) => bytes[block] < MXFP4_TOO_LARGE)
    case 'IQ1_M':
      // The five bits of the factor's exponent are high in the last two of four scales.
      return blocks(type, bytes, (block) => (bytes[block + 55] & 0x70) !== 0x70 || (bytes[block + 53] & 0xc0) !== 0xc0)
  }
  return (FACTORS[type] ?? []).every((place) =>
    blocks(type, bytes, (block) => ((bytes[block + place + 1] << 8) & HALF_EXPONENT) !== HALF_EXPONENT),
  )
}

/** An exponent of ones, plus one at its lowest place, runs over into the place of the sign. */
function haveNoFullExponent(bytes: Uint8Array, exponents: number, lowest: number, signs: number): boolean {
  // Signed, and cut to 32 bits after each sum: so the loop stays one of integers.
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
  let carried = 0
  for (let i = 0; i < words.length; i++) carried |= ((words[i] & exponents) + lowest) | 0
  if (bytes.length % 4 === 2) carried |= (((bytes.at(-1) ?? 0) << 8) & exponents & 0xffff) + lowest
  return (carried & signs) === 0
}

function blocks(type: ElementType, bytes: Uint8Array, isGood: (block: number) => boolean): boolean {
  const { blockBytes } = ELEMENT_LAYOUTS[type]
  for (let block = 0; block < bytes.length; block += blockBytes) if (!isGood(block)) return false
  return true
}
