import { OptionError } from '../errors.ts'
import type { QuantizedFile } from './quantize-file.ts'

/** @throws OptionError: pages write no files by their paths */
export async function quantizeFile(_location: unknown, output: string): Promise<QuantizedFile> {
  const remedy = 'Quantise it with the command `laju quantize`, or while it is loaded (the option `quantize` of load).'
  throw new OptionError('output', `A page cannot write the file ${output}.`, remedy)
}
