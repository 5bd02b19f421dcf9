import type { Checkpoint } from '../weights/checkpoint.ts'
import { repositoryAt } from './reference.ts'

/** The publisher's name for it, or the file's. */
export function checkpointName(checkpoint: Checkpoint): string {
  const stated =
    checkpoint.format === 'gguf' ? checkpoint.metadata.get('general.name') : checkpoint.config._name_or_path
  if (typeof stated === 'string' && stated !== '') return stated
  const repository = repositoryAt(checkpoint.name)
  if (checkpoint.format === 'safetensors' && repository !== undefined) return repository
  return fileName(checkpoint.name)
}

/** The last part of a path. */
export function fileName(path: string): string {
  return path.split(/[\\/]/).findLast((part) => part !== '') ?? path
}
