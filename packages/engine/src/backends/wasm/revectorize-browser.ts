import { OptionError } from '../../errors.ts'

/** @throws OptionError: no page can ask its browser for that */
export async function startRevectorizing(): Promise<string[]> {
  const remedy = 'Leave it out.'
  throw new OptionError('revectorize', 'A page cannot have its browser join vector operations.', remedy)
}
