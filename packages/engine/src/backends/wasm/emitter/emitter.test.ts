import { describe, expect, test } from 'vitest'
import { ByteWriter } from './byte-writer.ts'
import { f32, i32, lane, load, op, shuffle, sum, vectorOf, vectorOfBits, zeroVector } from './expression.ts'
import { FunctionBuilder } from './function.ts'
import { INSTRUCTIONS, LANES, LOADS, STORES } from './instructions.ts'
import { listFunction } from './listing.ts'
import { ModuleBuilder } from './module.ts'

/** Assembles one function that reads and writes memory, and runs it. */
function run(builder: FunctionBuilder, memory: Float32Array | Int32Array, ...parameters: number[]): void {
  const bank = new WebAssembly.Memory({ initial: 1, maximum: 1 })
  new Uint8Array(bank.buffer).set(new Uint8Array(memory.buffer))
  const module = new ModuleBuilder()
  module.add(builder)
  const bytes = module.assemble({ sharedMemory: false })
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { bank: { memory: bank } })
  const entry = exports[builder.name]
  if (typeof entry === 'function') entry(...parameters)
  new Uint8Array(memory.buffer).set(new Uint8Array(bank.buffer, 0, memory.byteLength))
}

describe('byte writer', () => {
  test.each([
    [0, [0]],
    [127, [127]],
    [128, [0x80, 1]],
    [0xffff_ffff, [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ])('writes %i unsigned', (value, bytes) => {
    const writer = new ByteWriter()
    writer.unsigned(value)
    expect(writer.bytes).toEqual(bytes)
  })

  test.each([
    [0, [0]],
    [-1, [0x7f]],
    [63, [63]],
    [64, [0xc0, 0]],
    [-64, [0x40]],
    [-65, [0xbf, 0x7f]],
    [-(2 ** 31), [0x80, 0x80, 0x80, 0x80, 0x78]],
  ])('writes %i signed', (value, bytes) => {
    const writer = new ByteWriter()
    writer.signed(value)
    expect(writer.bytes).toEqual(bytes)
  })
})

describe('emitted functions', () => {
  test('a loop adds vectors', () => {
    const f = new FunctionBuilder('addVectors')
    const { left, right, output, bytes } = f.parameterList('left', 'right', 'output', 'bytes')
    const i = f.local('i', 'i32')
    f.forRange(i, bytes, 16, () => {
      const total = op('f32x4.add', load('v128.load', sum(left, i)), load('v128.load', sum(right, i)))
      f.store('v128.store', sum(output, i), 0, total)
    })
    const memory = Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 10, 20, 30, 40, 50, 60, 70, 80, 0, 0, 0, 0, 0, 0, 0, 0])
    run(f, memory, 0, 32, 64, 32)
    expect([...memory.subarray(16)]).toEqual([11, 22, 33, 44, 55, 66, 77, 88])
    expect(listFunction(f)).toMatchInlineSnapshot(`
      "addVectors(left: i32, right: i32, output: i32, bytes: i32)
        if i32.lt_u(i, bytes)
          loop
            v128.store [i32.add(output, i) + 0] = f32x4.add(v128.load[i32.add(left, i) + 0], v128.load[i32.add(right, i) + 0])
            i = i32.add(i, 16)
          while i32.lt_u(i, bytes)"
    `)
  })

  test('a loop over an empty range does nothing', () => {
    const f = new FunctionBuilder('count')
    const { from, to } = f.parameterList('from', 'to')
    f.forRange(from, to, 1, () => {
      f.store('i32.store', i32(0), 0, op('i32.add', load('i32.load', i32(0)), 1))
    })
    const memory = Int32Array.from([0])
    run(f, memory, 5, 5)
    expect(memory[0]).toBe(0)
    run(f, memory, 2, 5)
    expect(memory[0]).toBe(3)
  })

  test('addresses and counters are unsigned', () => {
    const f = new FunctionBuilder('compare')
    const { large } = f.parameterList('large')
    f.if(op('i32.gt_u', large, 1), () => f.store('i32.store', i32(0), 0, 7))
    const memory = Int32Array.from([0])
    run(f, memory, 0xffff_fff0)
    expect(memory[0]).toBe(7)
  })

  test('constants, shuffles and lanes', () => {
    const f = new FunctionBuilder('lanes')
    const doubled = f.let('doubled', op('f32x4.mul', load('v128.load', i32(0)), vectorOf(2)))
    f.store('v128.store', i32(16), 0, shuffle(doubled, load('v128.load', i32(0)), [3, 2, 5, 4]))
    f.store('f32.store', i32(0), 32, op('f32.add', lane('f32x4.extract_lane', doubled, 1), f32(0.5)))
    f.store('v128.store', i32(48), 0, vectorOfBits(0x3f80_0000))
    f.copy(i32(40), i32(16), i32(4))
    const memory = Float32Array.from([1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    run(f, memory)
    expect([...memory.subarray(4)]).toEqual([8, 6, 2, 1, 4.5, 0, 8, 0, 1, 1, 1, 1])
  })

  test('pairs of 16-bit integers meet in a dot product', () => {
    const f = new FunctionBuilder('dot')
    const weights = load('v128.load8x8_s', i32(0))
    const pair = load('v128.load32_splat', i32(8))
    f.store('v128.store', i32(16), 0, op('i32x4.dot_i16x8_s', weights, pair))
    const memory = new Int32Array(8)
    new Int8Array(memory.buffer).set([1, 2, 3, -4, -5, 6, 127, -128])
    new Int16Array(memory.buffer).set([100, -10], 4)
    run(f, memory)
    expect([...memory.subarray(4)]).toEqual([80, 340, -560, 13980])
  })

  test('a call needs all parameters', () => {
    const callee = new FunctionBuilder('callee')
    callee.parameterList('a', 'b')
    expect(() => new FunctionBuilder('caller').call(callee, 1)).toThrow(RangeError)
  })
})

test('every instruction of the table is valid for the types it states', () => {
  const module = new ModuleBuilder()
  const zeros = { i32: i32(0), f32: f32(0), v128: zeroVector() }
  const f = new FunctionBuilder('all')
  for (const [name, { operands, result, opcode }] of Object.entries(INSTRUCTIONS)) {
    const local = f.local(name, result)
    const values = operands.map((type) => zeros[type])
    f.set(local, { type: result, name, opcode, operands: values, immediates: { kind: 'none' } })
  }
  for (const name of Object.keys(LOADS)) {
    const value = load(name as keyof typeof LOADS, i32(0))
    f.set(f.local(name, value.type), value)
  }
  for (const name of Object.keys(LANES)) {
    const value = lane(name as keyof typeof LANES, zeros.v128, 1)
    f.set(f.local(name, value.type), value)
  }
  for (const [name, { value }] of Object.entries(STORES)) {
    f.body.push({
      kind: 'store',
      name,
      opcode: STORES[name as keyof typeof STORES].opcode,
      address: i32(0),
      offset: 0,
      value: zeros[value],
    })
  }
  module.add(f)
  expect(WebAssembly.validate(module.assemble({ sharedMemory: false }))).toBe(true)
  expect(WebAssembly.validate(module.assemble({ sharedMemory: true }))).toBe(true)
})
