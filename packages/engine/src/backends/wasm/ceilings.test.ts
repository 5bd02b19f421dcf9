import { expect, it } from 'vitest'
import { ceilingKernel, limitOf } from './ceilings.ts'
import { bestOperands } from './kernels/operands.ts'

const memory = () => new WebAssembly.Memory({ initial: 2, maximum: 2 })

it('reads every byte of a range once', () => {
  const bank = memory()
  const bytes = new Uint8Array(bank.buffer)
  const kernel = ceilingKernel('read', bank)
  const rounds = 1024 / kernel.workOfRound
  // What was read is folded into 16 bytes, of which the ones that are read before the loop cancel out.
  for (let at = 0; at < 1024; at++) {
    bytes.fill(0)
    bytes[at] = 0x5a
    kernel.run(0, rounds)
    const sum = bytes.subarray(1024, 1040).reduce((a, b) => a ^ b)
    expect(sum, `byte ${at}`).toBe(at < kernel.workOfRound ? 0 : 0x5a)
  }
})

it.each(['float', bestOperands(), 'lanes'] as const)('computes in a loop: %s', (limit) => {
  const bank = memory()
  new Float32Array(bank.buffer).fill(0.5)
  const before = new Uint8Array(bank.buffer.slice(0))
  ceilingKernel(limit, bank).run(0, 3)
  const after = new Uint8Array(bank.buffer)
  expect(after.subarray(0, 16)).not.toEqual(before.subarray(0, 16))
  expect(after.subarray(16)).toEqual(before.subarray(16))
})

it('knows what bounds a type', () => {
  expect(limitOf('F32')).toBe('float')
  expect(limitOf('Q4_0')).toBe(bestOperands())
})
