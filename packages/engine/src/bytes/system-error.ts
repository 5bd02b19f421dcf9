import { CheckpointError, LajuError } from '../errors.ts'

/** Turns an error of Node's file system into one that names the path and the way out. */
export function systemError(path: string, cause: unknown): LajuError {
  if (cause instanceof LajuError) return cause
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
    case 'ELOOP':
    case 'ERR_INVALID_ARG_VALUE':
      return new CheckpointError('not-found', `There is no file or folder ${path}.`, {
        file: path,
        remedy: 'Check the spelling of the path, and the folder that it is relative to.',
        cause,
      })
    case 'EACCES':
    case 'EPERM':
      return new CheckpointError('read-failed', `No permission to read ${path}.`, {
        file: path,
        remedy: 'Let your user read the file and enter its folders.',
        cause,
      })
    case 'EMFILE':
    case 'ENFILE':
      return new CheckpointError('read-failed', `${path} cannot be opened: too many files are open.`, {
        file: path,
        remedy: 'Raise the limit of open files, or use a checkpoint of fewer files.',
        cause,
      })
    default:
      return new CheckpointError('read-failed', `${path} cannot be read${code ? ` (${code})` : ''}.`, {
        file: path,
        remedy: 'Check that the disk or network drive is there and healthy.',
        cause,
      })
  }
}
