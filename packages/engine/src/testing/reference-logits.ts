import { openFile } from '../bytes/file-source.ts'
import { readSafetensorsHeader } from '../weights/safetensors-header.ts'

/** The tokens that a file of reference logits belongs to. */
export async function inputIds(path: string): Promise<Int32Array> {
  const source = await openFile(path)
  const tensor = (await readSafetensorsHeader(source)).find(({ name }) => name === 'input_ids')
  if (!tensor) throw new RangeError('no input_ids')
  const bytes = new Uint8Array(tensor.byteLength)
  await source.read(tensor.offset, bytes)
  await source.close()
  return new Int32Array(bytes.buffer)
}

/** Squared differences over squares of what is expected. */
export function relativeError(actual: Float32Array, expected: Float32Array): number {
  let error = 0
  let scale = 0
  for (let i = 0; i < expected.length; i++) {
    error += (actual[i] - expected[i]) ** 2
    scale += expected[i] ** 2
  }
  return error / scale
}
