import { fileName } from '../hub/checkpoint-name.ts'
import { repositoryAt } from '../hub/reference.ts'
import type { AdapterFile } from '../weights/adapter.ts'
import type { AdapterInfo } from './types.ts'

/** What `attach` and `inspectAdapter` tell about an adapter, from its header. */
export function adapterInfo({ name, format, baseModel, architecture, pairs }: AdapterFile): AdapterInfo {
  const all = [...pairs.values()]
  const tensors = all.flatMap(({ a, b }) => [a, b])
  const targets = new Map<string, number>()
  for (const target of pairs.keys()) {
    const part =
      target
        .replace(/\.weight$/, '')
        .split('.')
        .at(-1) ?? target
    targets.set(part, (targets.get(part) ?? 0) + 1)
  }
  return {
    name: repositoryAt(name) ?? fileName(name),
    format,
    baseModel,
    architecture,
    ranks: [...new Set(all.map(({ rank }) => rank))].sort((a, b) => a - b),
    targets: [...targets].map(([target, weights]) => ({ name: target, weights })),
    parameters: tensors.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0),
    bytes: tensors.reduce((sum, { byteLength }) => sum + byteLength, 0),
  }
}
