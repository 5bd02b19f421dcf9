import { ByteWriter } from './byte-writer.ts'
import type { Expression, Immediates } from './expression.ts'
import type { FunctionBuilder, Statement } from './function.ts'
import type { ValueType } from './instructions.ts'

export const TYPE_CODES: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b }

const NO_RESULT = 0x40
const IF = 0x04
const LOOP = 0x03
const BRANCH_IF = 0x0d
const END = 0x0b
const CALL = 0x10
const SET_LOCAL = 0x21
const MEMORY_COPY = [0xfc, 0x0a, 0x00, 0x00]
/** A hint only, and never wrong when it says nothing. */
const ALIGNED_TO_ONE_BYTE = 0

/** Locals and code of one function. */
export function encodeFunction(builder: FunctionBuilder, indexOf: (callee: FunctionBuilder) => number): ByteWriter {
  const code = new ByteWriter()
  code.unsigned(builder.locals.length)
  for (const local of builder.locals) {
    code.unsigned(1)
    code.byte(TYPE_CODES[local.type])
  }
  encodeBlock(code, builder.body, indexOf)
  code.byte(END)
  return code
}

function encodeBlock(
  code: ByteWriter,
  statements: readonly Statement[],
  indexOf: (callee: FunctionBuilder) => number,
): void {
  for (const statement of statements) encodeStatement(code, statement, indexOf)
}

function encodeStatement(code: ByteWriter, statement: Statement, indexOf: (callee: FunctionBuilder) => number): void {
  switch (statement.kind) {
    case 'set':
      encodeExpression(code, statement.value)
      code.byte(SET_LOCAL)
      code.unsigned(statement.local.index)
      return
    case 'store':
      encodeExpression(code, statement.address)
      encodeExpression(code, statement.value)
      encodeOpcode(code, statement.opcode)
      code.unsigned(ALIGNED_TO_ONE_BYTE)
      code.unsigned(statement.offset)
      return
    case 'copy':
      for (const operand of [statement.target, statement.source, statement.bytes]) encodeExpression(code, operand)
      code.append(MEMORY_COPY)
      return
    case 'call':
      for (const operand of statement.operands) encodeExpression(code, operand)
      code.byte(CALL)
      code.unsigned(indexOf(statement.callee))
      return
    case 'if':
      encodeExpression(code, statement.condition)
      code.append([IF, NO_RESULT])
      encodeBlock(code, statement.body, indexOf)
      code.byte(END)
      return
    case 'loop':
      code.append([LOOP, NO_RESULT])
      encodeBlock(code, statement.body, indexOf)
      encodeExpression(code, statement.condition)
      code.append([BRANCH_IF, 0, END])
  }
}

function encodeExpression(code: ByteWriter, expression: Expression): void {
  for (const operand of expression.operands) encodeExpression(code, operand)
  encodeOpcode(code, expression.opcode)
  encodeImmediates(code, expression.immediates)
}

function encodeImmediates(code: ByteWriter, immediates: Immediates): void {
  switch (immediates.kind) {
    case 'none':
      break
    case 'local':
      code.unsigned(immediates.index)
      break
    case 'i32':
      code.signed(immediates.value)
      break
    case 'f32':
      code.float(immediates.value)
      break
    case 'bytes':
      code.append(immediates.bytes)
      break
    case 'memory':
      code.unsigned(ALIGNED_TO_ONE_BYTE)
      code.unsigned(immediates.offset)
  }
}

/** A prefix byte, where there is one, stands in the third byte of the number. */
function encodeOpcode(code: ByteWriter, opcode: number): void {
  if (opcode < 256) {
    code.byte(opcode)
  } else {
    code.byte(opcode >>> 16)
    code.unsigned(opcode & 0xffff)
  }
}
