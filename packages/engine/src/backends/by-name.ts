import { OptionError } from '../errors.ts'
import type { Backend, BackendName } from './backend.ts'
import { referenceBackend } from './reference/backend.ts'
import { wasmBackend } from './wasm/backend.ts'

const BACKENDS: readonly Backend[] = [wasmBackend, referenceBackend]

/** @throws OptionError */
export function backendByName(name: BackendName): Backend {
  const backend = BACKENDS.find((candidate) => candidate.name === name)
  if (backend) return backend
  const known = BACKENDS.map((candidate) => candidate.name).join(' or ')
  throw new OptionError('backend', `There is no backend ${JSON.stringify(name)}.`, `Use ${known}.`)
}
