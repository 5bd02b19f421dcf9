import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CheckpointError } from '@laju/engine'

/** What MODEL may be, for the help of commands. */
export const MODEL_HELP = 'nano, a GGUF file, a folder with safetensors files, hf:owner/name or a short name'

const NANO = '@laju/nano/nano-q8_0.gguf'

/** Turns what a person typed as MODEL into what the engine loads: `nano` is the model that comes with laju. */
export function resolveModel(typed: string): string {
  return typed === 'nano' ? nanoFile() : typed
}

function nanoFile(): string {
  const file = resolvedFile()
  if (file !== undefined && existsSync(file)) return file
  throw new CheckpointError('not-found', 'The bundled model "nano" is not installed.', {
    file: NANO,
    remedy: 'Install it with "npm install @laju/nano", or name another model.',
  })
}

function resolvedFile(): string | undefined {
  try {
    return fileURLToPath(import.meta.resolve(NANO))
  } catch {
    return undefined
  }
}
