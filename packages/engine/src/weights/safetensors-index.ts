import { CheckpointError } from '../errors.ts'
import type { JsonObject } from './checkpoint.ts'
import { isJsonObject } from './json.ts'
import { quoted } from './quoted.ts'

/** Each shard is an open file; DeepSeek-V3 has 163. */
const MOST_SHARDS = 1024

/**
 * Which shard holds each tensor, from a model.safetensors.index.json. A shard is a file of the same folder: names that
 * lead out of it are refused.
 * @throws CheckpointError `invalid-checkpoint`
 */
export function shardsOfIndex(index: JsonObject, file: string): Map<string, string> {
  const fail = (problem: string): CheckpointError =>
    new CheckpointError('invalid-checkpoint', `${file}: ${problem}`, {
      file,
      field: 'weight_map',
      remedy: 'The index is damaged or was tampered with; download it again.',
    })
  if (!isJsonObject(index.weight_map)) throw fail('it has no weight_map.')
  const shardOf = new Map<string, string>()
  const shards = new Set<string>()
  for (const [tensor, shard] of Object.entries(index.weight_map)) {
    if (typeof shard !== 'string' || !/^[\w-][\w.-]*\.safetensors$/.test(shard)) {
      const name = typeof shard === 'string' ? quoted(shard) : 'something other than a name'
      throw fail(
        `the tensor ${quoted(tensor)} is said to be in ${name}, which is not a .safetensors file of this folder.`,
      )
    }
    shardOf.set(tensor, shard)
    shards.add(shard)
  }
  if (shards.size === 0) throw fail('its weight_map is empty.')
  if (shards.size > MOST_SHARDS) throw fail(`it names ${shards.size} files; at most ${MOST_SHARDS} are allowed.`)
  return shardOf
}
