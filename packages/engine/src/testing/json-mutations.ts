import type { JsonValue } from '../weights/checkpoint.ts'
import type { Random } from './mutations.ts'

/** Every place within a value, as the keys that lead there. */
export function placesIn(value: JsonValue, path: readonly string[] = []): string[][] {
  const here = path.length === 0 ? [] : [[...path]]
  if (typeof value !== 'object' || value === null) return here
  return [
    ...here,
    ...Object.keys(value).flatMap((key) => placesIn((value as Record<string, JsonValue>)[key] ?? null, [...path, key])),
  ]
}

/** A copy of a value with another at one place. */
export function changed(value: JsonValue, [key, ...path]: readonly string[], replacement: JsonValue): JsonValue {
  if (key === undefined) return replacement
  if (typeof value !== 'object' || value === null) return value
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, JsonValue>
  copy[key] = changed(copy[key] ?? null, path, replacement)
  return copy
}

const NUMBERS = [0, 1, -1, 3, 0.5, -0.5, 255, 65_537, 2 ** 31, 2 ** 32, 2 ** 53, 1e300, -1e300, 5e-324]
const TEXTS = ['', ' ', 'a', '▁', '<s>', '\ud800', '\0', '../../etc/passwd', 'a'.repeat(5000), 'ByteLevel', 'Sequence']
const SHAPES: readonly JsonValue[] = [[], {}, [[]], [null], { type: 'Sequence' }, { Regex: '(a*)*b' }, { String: '' }]
const ODD: readonly JsonValue[] = [null, true, false, ...NUMBERS, ...TEXTS, ...SHAPES]

/** A value to mutate, and the places in it. */
export interface JsonPlaces {
  readonly value: JsonValue
  readonly all: readonly (readonly string[])[]
  /** Near the top: a tokenizer has thousands of places in its vocabulary, and few elsewhere. */
  readonly near: readonly (readonly string[])[]
}

export function placesOf(value: JsonValue): JsonPlaces {
  const all = placesIn(value)
  return { value, all, near: all.filter((path) => path.length <= 2 || !/^(model|added_tokens)/.test(path[0])) }
}

/** JSON with one or two values replaced by odd ones, or by what stands elsewhere in it. */
export function mutatedJson({ value, all, near }: JsonPlaces, random: Random): string {
  let result = value
  for (let times = 1 + random(2); times > 0; times--) {
    const place = random(3) ? near[random(near.length)] : all[random(all.length)]
    const other = random(4) === 0 ? at(value, all[random(all.length)]) : ODD[random(ODD.length)]
    result = changed(result, place, other)
  }
  return JSON.stringify(result)
}

function at(value: JsonValue, path: readonly string[]): JsonValue {
  return path.reduce<JsonValue>((inner, key) => (inner as Record<string, JsonValue>)[key] ?? null, value)
}
