import type { ModelDescription } from '../architectures/describe.ts'
import type { LowRankUpdates } from '../graph/low-rank.ts'
import { readRows } from '../weights/read.ts'
import type { Tensor } from '../weights/tensor.ts'

/** Tensors of which a row is looked at: enough to meet every kind of weight of every large model. */
const MOST_SAMPLES = 32
const SAMPLE_BYTES = 4096

/**
 * What a model that computes the same keys and values has too, as 64 hexadecimal digits: names, types and shapes of all
 * weights as they are held, the numbers of its configuration, and rows of some weights. What is needed is read at once;
 * the digits are made when they are first asked for, since few ever do.
 */
export async function modelFingerprint(
  { architecture, config, tensors }: ModelDescription,
  signal?: AbortSignal,
): Promise<() => Promise<string>> {
  const all = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))
  const outline = { architecture: architecture.name, config, tensors: all.map(([name, t]) => [name, t.type, t.shape]) }
  const samples: Uint8Array[] = [utf8(JSON.stringify(outline))]
  for (let i = 0; i < Math.min(MOST_SAMPLES, all.length); i++) {
    const [, tensor] = all[Math.floor((i * all.length) / Math.min(MOST_SAMPLES, all.length))]
    samples.push(await firstRow(tensor, signal))
  }
  let made: Promise<string> | undefined
  return () => {
    made ??= digest(samples)
    return made
  }
}

/** The same of an adapter, without its scale. */
export function adapterFingerprint(updates: LowRankUpdates): Promise<string> {
  return digest(
    [...updates].flatMap(([name, { rank, a, b, scale }]) => [
      utf8(JSON.stringify([name, rank, scale, a.length, b.length])),
      sampleOf(new Uint8Array(a.buffer, a.byteOffset, a.byteLength)),
      sampleOf(new Uint8Array(b.buffer, b.byteOffset, b.byteLength)),
    ]),
  )
}

async function firstRow(tensor: Tensor, signal?: AbortSignal): Promise<Uint8Array> {
  for await (const { bytes } of readRows(tensor, signal, 1)) return sampleOf(bytes)
  return new Uint8Array(0)
}

function sampleOf(bytes: Uint8Array): Uint8Array {
  return bytes.slice(0, SAMPLE_BYTES)
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

async function digest(parts: readonly Uint8Array[]): Promise<string> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', all))
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
