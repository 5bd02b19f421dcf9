/** How one kind of element is stored: `blockLength` weights share `blockBytes` bytes. */
export interface ElementLayout {
  /** The id in a GGUF file (ggml's `ggml_type`); undefined for a type that only safetensors files have. */
  readonly ggmlId: number | undefined
  readonly blockLength: number
  readonly blockBytes: number
}

/** Every storage type a GGUF or safetensors file may name. Source: ggml.h and the GGUF specification. */
export const ELEMENT_LAYOUTS = {
  F32: { ggmlId: 0, blockLength: 1, blockBytes: 4 },
  F16: { ggmlId: 1, blockLength: 1, blockBytes: 2 },
  Q4_0: { ggmlId: 2, blockLength: 32, blockBytes: 18 },
  Q4_1: { ggmlId: 3, blockLength: 32, blockBytes: 20 },
  Q5_0: { ggmlId: 6, blockLength: 32, blockBytes: 22 },
  Q5_1: { ggmlId: 7, blockLength: 32, blockBytes: 24 },
  Q8_0: { ggmlId: 8, blockLength: 32, blockBytes: 34 },
  Q8_1: { ggmlId: 9, blockLength: 32, blockBytes: 36 },
  Q2_K: { ggmlId: 10, blockLength: 256, blockBytes: 84 },
  Q3_K: { ggmlId: 11, blockLength: 256, blockBytes: 110 },
  Q4_K: { ggmlId: 12, blockLength: 256, blockBytes: 144 },
  Q5_K: { ggmlId: 13, blockLength: 256, blockBytes: 176 },
  Q6_K: { ggmlId: 14, blockLength: 256, blockBytes: 210 },
  Q8_K: { ggmlId: 15, blockLength: 256, blockBytes: 292 },
  IQ2_XXS: { ggmlId: 16, blockLength: 256, blockBytes: 66 },
  IQ2_XS: { ggmlId: 17, blockLength: 256, blockBytes: 74 },
  IQ3_XXS: { ggmlId: 18, blockLength: 256, blockBytes: 98 },
  IQ1_S: { ggmlId: 19, blockLength: 256, blockBytes: 50 },
  IQ4_NL: { ggmlId: 20, blockLength: 32, blockBytes: 18 },
  IQ3_S: { ggmlId: 21, blockLength: 256, blockBytes: 110 },
  IQ2_S: { ggmlId: 22, blockLength: 256, blockBytes: 82 },
  IQ4_XS: { ggmlId: 23, blockLength: 256, blockBytes: 136 },
  I8: { ggmlId: 24, blockLength: 1, blockBytes: 1 },
  I16: { ggmlId: 25, blockLength: 1, blockBytes: 2 },
  I32: { ggmlId: 26, blockLength: 1, blockBytes: 4 },
  I64: { ggmlId: 27, blockLength: 1, blockBytes: 8 },
  F64: { ggmlId: 28, blockLength: 1, blockBytes: 8 },
  IQ1_M: { ggmlId: 29, blockLength: 256, blockBytes: 56 },
  BF16: { ggmlId: 30, blockLength: 1, blockBytes: 2 },
  TQ1_0: { ggmlId: 34, blockLength: 256, blockBytes: 54 },
  TQ2_0: { ggmlId: 35, blockLength: 256, blockBytes: 66 },
  MXFP4: { ggmlId: 39, blockLength: 32, blockBytes: 17 },
  NVFP4: { ggmlId: 40, blockLength: 64, blockBytes: 36 },
  Q1_0: { ggmlId: 41, blockLength: 128, blockBytes: 18 },
  Q2_0: { ggmlId: 42, blockLength: 64, blockBytes: 18 },
  BOOL: { ggmlId: undefined, blockLength: 1, blockBytes: 1 },
  U8: { ggmlId: undefined, blockLength: 1, blockBytes: 1 },
  U16: { ggmlId: undefined, blockLength: 1, blockBytes: 2 },
  U32: { ggmlId: undefined, blockLength: 1, blockBytes: 4 },
  U64: { ggmlId: undefined, blockLength: 1, blockBytes: 8 },
  C64: { ggmlId: undefined, blockLength: 1, blockBytes: 8 },
  F4: { ggmlId: undefined, blockLength: 2, blockBytes: 1 },
  F6_E2M3: { ggmlId: undefined, blockLength: 4, blockBytes: 3 },
  F6_E3M2: { ggmlId: undefined, blockLength: 4, blockBytes: 3 },
  F8_E4M3: { ggmlId: undefined, blockLength: 1, blockBytes: 1 },
  F8_E5M2: { ggmlId: undefined, blockLength: 1, blockBytes: 1 },
  F8_E8M0: { ggmlId: undefined, blockLength: 1, blockBytes: 1 },
} as const satisfies Record<string, ElementLayout>

export type ElementType = keyof typeof ELEMENT_LAYOUTS

/** The types whose elements can be decoded to floats; the others are recognised by name and size only. */
export const DECODABLE_TYPES = [
  'F32',
  'F16',
  'BF16',
  'Q8_0',
  'Q4_0',
  'Q4_1',
  'Q5_0',
  'Q5_1',
  'Q2_K',
  'Q3_K',
  'Q4_K',
  'Q5_K',
  'Q6_K',
  'IQ1_S',
  'IQ1_M',
  'IQ2_XXS',
  'IQ2_XS',
  'IQ2_S',
  'IQ3_XXS',
  'IQ3_S',
  'IQ4_NL',
  'IQ4_XS',
  'MXFP4',
  'NVFP4',
  'TQ1_0',
  'TQ2_0',
  'Q1_0',
  'Q2_0',
] as const satisfies readonly ElementType[]

export type DecodableType = (typeof DECODABLE_TYPES)[number]

export function isDecodable(type: ElementType): type is DecodableType {
  return (DECODABLE_TYPES as readonly ElementType[]).includes(type)
}

/** The types whose elements stand alone; in the others, blocks of elements share a scale. */
export type FloatType = 'F32' | 'F16' | 'BF16'

export function isFloat(type: DecodableType): type is FloatType {
  return type === 'F32' || type === 'F16' || type === 'BF16'
}

const TYPE_NAMES = Object.keys(ELEMENT_LAYOUTS) as ElementType[]

export function elementTypeOfGgmlId(id: number): ElementType | undefined {
  return TYPE_NAMES.find((type) => ELEMENT_LAYOUTS[type].ggmlId === id)
}

/** The names that a safetensors file may use for its types; ggml's block types are not among them. */
const SAFETENSORS_TYPES: ReadonlySet<string> = new Set(
  'F64 F32 F16 BF16 I64 I32 I16 I8 U64 U32 U16 U8 BOOL C64 F4 F6_E2M3 F6_E3M2 F8_E4M3 F8_E5M2 F8_E8M0'.split(' '),
)

export function elementTypeOfSafetensors(name: string): ElementType | undefined {
  return SAFETENSORS_TYPES.has(name) ? (name as ElementType) : undefined
}

/** Bytes of one row of `columns` elements; `columns` must be a multiple of the type's block length. */
export function rowBytes(type: ElementType, columns: number): number {
  const { blockLength, blockBytes } = ELEMENT_LAYOUTS[type]
  return (columns / blockLength) * blockBytes
}
