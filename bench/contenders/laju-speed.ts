import { benchmark } from '@laju/engine'
import type { Setting, Speed } from './speed.ts'

const { file, ...options } = JSON.parse(process.argv[2] ?? '') as Setting

const { prefill, decode } = await benchmark(file, { ...options, repetitions: 1 })
console.log(JSON.stringify({ prefill: prefill.median, decode: decode.median } satisfies Speed))
