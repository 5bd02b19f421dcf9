import type { Expression } from './expression.ts'
import type { FunctionBuilder, Local, Statement } from './function.ts'

/** A function as text: one line a statement, operands in brackets after their instruction. */
export function listFunction(builder: FunctionBuilder): string {
  const labels = [...builder.parameters, ...builder.locals].map(labelOf)
  const parameters = builder.parameters.map((parameter) => labelOf(parameter)).join(', ')
  return [`${builder.name}(${parameters})`, ...listBlock(builder.body, labels, '  ')].join('\n')
}

function labelOf(local: Local): string {
  return `${local.label}: ${local.type}`
}

function listBlock(statements: readonly Statement[], labels: readonly string[], indent: string): string[] {
  const text = (expression: Expression): string => listExpression(expression, labels)
  return statements.flatMap((statement): string[] => {
    switch (statement.kind) {
      case 'set':
        return [`${indent}${statement.local.label} = ${text(statement.value)}`]
      case 'store':
        return [
          `${indent}${statement.name} [${text(statement.address)} + ${statement.offset}] = ${text(statement.value)}`,
        ]
      case 'copy':
        return [
          `${indent}memory.copy [${text(statement.target)}] = [${text(statement.source)}] ${text(statement.bytes)}`,
        ]
      case 'call':
        return [`${indent}${statement.callee.name}(${statement.operands.map(text).join(', ')})`]
      case 'if':
        return [`${indent}if ${text(statement.condition)}`, ...listBlock(statement.body, labels, `${indent}  `)]
      case 'loop':
        return [
          `${indent}loop`,
          ...listBlock(statement.body, labels, `${indent}  `),
          `${indent}while ${text(statement.condition)}`,
        ]
    }
    return []
  })
}

function listExpression(expression: Expression, labels: readonly string[]): string {
  const { name, operands, immediates } = expression
  const inner = operands.map((operand) => listExpression(operand, labels))
  switch (immediates.kind) {
    case 'none':
      return `${name}(${inner.join(', ')})`
    case 'local':
      return (labels[immediates.index] ?? '').replace(/: .*/, '')
    case 'i32':
      return String(immediates.value)
    case 'f32':
      return `${immediates.value}f`
    case 'bytes':
      return `${name}(${[...inner, hexadecimal(immediates.bytes)].join(', ')})`
    case 'memory':
      return `${name}[${inner.join()} + ${immediates.offset}]`
  }
}

function hexadecimal(bytes: readonly number[]): string {
  if (bytes.length === 1) return String(bytes[0])
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
