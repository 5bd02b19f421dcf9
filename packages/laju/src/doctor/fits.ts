import { type ModelInfo, SHORT_NAMES } from '@laju/engine'

/** A model of a short name, and about how much memory it takes. */
export interface Fit {
  readonly name: string
  readonly bytes: number
  readonly fits: boolean
}

/** A block of Q8_0, in which all of them are held, has 34 bytes for 32 weights. */
const BYTES_A_WEIGHT = 34 / 32
/** Names round down. */
const MORE_THAN_NAMED = 1.1
/** For a conversation of usual length. */
const CONVERSATION = 0.4e9

/** From what the names say about sizes: nothing is fetched. */
export function fitsOf(room: number): Fit[] {
  return [...SHORT_NAMES.keys()].map((name) => {
    const [, number = '0', unit] = /:([\d.]+)([mb])$/.exec(name) ?? []
    const weights = Number(number) * (unit === 'b' ? 1e9 : 1e6) * MORE_THAN_NAMED
    const bytes = weights * BYTES_A_WEIGHT + CONVERSATION
    return { name, bytes, fits: bytes <= room }
  })
}

/**
 * The longest context with which a model fits, from the memory at two of them: keys and values take the same for each
 * token. 0 where not even its weights fit.
 */
export function longestContext({ memory, contextLength, trainedContextLength }: ModelInfo, room: number): number {
  const perToken = memory.cache / contextLength
  const left = room - memory.weights - memory.activations
  return Math.max(0, Math.min(trainedContextLength, Math.floor(left / perToken)))
}
