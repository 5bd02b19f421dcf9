import { locate, locateUnstored } from '#client/downloads'
import { OptionError } from '../errors.ts'
import type { ModelLocation, ModelSource } from '../hub/model-location.ts'
import type { PullOptions } from '../hub/pull.ts'

/**
 * Where it is, downloaded first if it is elsewhere.
 * @param options.store false to leave what is elsewhere there
 * @throws OptionError; as `locate`
 */
export async function locateModel(
  source: ModelSource,
  { store = true, ...options }: PullOptions & { store?: boolean } = {},
): Promise<ModelLocation> {
  if (typeof source === 'string') return store ? locate(source, options) : locateUnstored(source, options)
  if (source instanceof URL) return locateModel(source.href, { store, ...options })
  if (source instanceof Blob) return [{ name: source instanceof File ? source.name : 'the Blob', blob: source }]
  const files = topOf([...source])
  if (files.length > 0) return files.map((file) => ({ name: file.name, blob: file }))
  throw new OptionError('model', 'There is no file among those that were given.', 'Give the files of a model.')
}

/** Of a folder that was chosen with all that is in it, the files that lie in the folder itself. */
function topOf(files: readonly File[]): readonly File[] {
  const depthOf = ({ webkitRelativePath = '' }: File) => webkitRelativePath.split('/').length
  const top = Math.min(...files.map(depthOf))
  return files.filter((file) => depthOf(file) === top)
}
