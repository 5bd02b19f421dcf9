import { LajuError } from '../errors.ts'
import type { NewFile as NodeFile } from './new-file.ts'

/** Pages write no files by their paths. */
export const NewFile = {
  /** @throws LajuError `write-failed` */
  async begin(final: string): Promise<NodeFile> {
    throw new LajuError('write-failed', `A page cannot write the file ${final}.`, {
      file: final,
      remedy: 'Leave the path out: what is saved comes as a Blob then.',
    })
  },
}
