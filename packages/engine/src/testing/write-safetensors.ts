export interface SafetensorsEntry {
  readonly dtype: unknown
  readonly shape: unknown
  readonly data_offsets: unknown
}

/** Writes a safetensors file for tests: a header, as an object or as its JSON text, and the bytes after it. */
export function writeSafetensors(
  header: { readonly [name: string]: SafetensorsEntry } | string,
  data: Uint8Array,
): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const file = new Uint8Array(8 + text.length + data.length)
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true)
  file.set(text, 8)
  file.set(data, 8 + text.length)
  return file
}
