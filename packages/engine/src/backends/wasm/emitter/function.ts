import { type Expression, expressionOf, type I32, type Operand, op } from './expression.ts'
import { STORES, type ValueType } from './instructions.ts'

/** A variable of an emitted function; as an expression it stands for its present value. */
export interface Local<T extends ValueType = ValueType> extends Expression<T> {
  readonly label: string
  readonly index: number
}

export type Statement =
  | { readonly kind: 'set'; readonly local: Local; readonly value: Expression }
  | {
      readonly kind: 'store'
      readonly name: string
      readonly opcode: number
      readonly address: I32
      readonly offset: number
      readonly value: Expression
    }
  | { readonly kind: 'copy'; readonly target: I32; readonly source: I32; readonly bytes: I32 }
  | { readonly kind: 'call'; readonly callee: FunctionBuilder; readonly operands: readonly Expression[] }
  | { readonly kind: 'if'; readonly condition: I32; readonly body: readonly Statement[] }
  /** Repeats the body while the condition holds after it. */
  | { readonly kind: 'loop'; readonly body: readonly Statement[]; readonly condition: I32 }

/** Collects the statements of one function without results. */
export class FunctionBuilder {
  readonly name: string
  readonly parameters: Local[] = []
  readonly locals: Local[] = []
  readonly body: Statement[] = []
  #block: Statement[] = this.body

  constructor(name: string) {
    this.name = name
  }

  parameter<T extends ValueType>(label: string, type: T): Local<T> {
    const local = newLocal(label, type, this.parameters.length)
    this.parameters.push(local)
    return local
  }

  /** Declares i32 parameters in the order of their labels. */
  parameterList<N extends string>(...labels: N[]): Record<N, Local<'i32'>> {
    const entries = labels.map((label) => [label, this.parameter(label, 'i32')] as const)
    return Object.fromEntries(entries) as Record<N, Local<'i32'>>
  }

  local<T extends ValueType>(label: string, type: T): Local<T> {
    const local = newLocal(label, type, this.parameters.length + this.locals.length)
    this.locals.push(local)
    return local
  }

  /** A local that starts with a value. */
  let<T extends ValueType>(label: string, value: Expression<T>): Local<T> {
    const local = this.local(label, value.type)
    this.set(local, value)
    return local
  }

  set<T extends ValueType>(local: Local<T>, value: Expression<NoInfer<T>> | Operand<NoInfer<T>>): void {
    this.#block.push({ kind: 'set', local, value: expressionOf(value, local.type) })
  }

  /** Adds to an i32 local. */
  increase(local: Local<'i32'>, by: I32 | number): void {
    this.set(local, op('i32.add', local, by))
  }

  /** Writes to memory at `address + offset`. */
  store<N extends keyof typeof STORES>(
    name: N,
    address: I32,
    offset: number,
    value: Operand<(typeof STORES)[N]['value']>,
  ): void {
    const { opcode, value: type } = STORES[name]
    this.#block.push({ kind: 'store', name, opcode, address, offset, value: expressionOf(value, type) })
  }

  /** memory.copy */
  copy(target: I32, source: I32, bytes: I32): void {
    this.#block.push({ kind: 'copy', target, source, bytes })
  }

  call(callee: FunctionBuilder, ...operands: readonly (Expression | number)[]): void {
    if (operands.length !== callee.parameters.length) {
      throw new RangeError(`${callee.name} takes ${callee.parameters.length} parameters, not ${operands.length}`)
    }
    const typed = operands.map((operand, i) => expressionOf(operand, callee.parameters[i]?.type ?? 'i32'))
    this.#block.push({ kind: 'call', callee, operands: typed })
  }

  if(condition: I32, then: () => void): void {
    this.#block.push({ kind: 'if', condition, body: this.#collect(then) })
  }

  /** Repeats at least once, as long as `condition` holds after a round. */
  doWhile(round: () => void, condition: I32): void {
    this.#block.push({ kind: 'loop', body: this.#collect(round), condition })
  }

  /** `for (; counter < end; counter += step)`, unsigned; the counter starts where it is. */
  forRange(counter: Local<'i32'>, end: I32 | number, step: I32 | number, round: () => void): void {
    const goesOn = op('i32.lt_u', counter, end)
    this.if(goesOn, () => {
      this.doWhile(() => {
        round()
        this.increase(counter, step)
      }, goesOn)
    })
  }

  #collect(emit: () => void): Statement[] {
    const outer = this.#block
    const block: Statement[] = []
    this.#block = block
    try {
      emit()
    } finally {
      this.#block = outer
    }
    return block
  }
}

function newLocal<T extends ValueType>(label: string, type: T, index: number): Local<T> {
  const immediates = { kind: 'local', index } as const
  return { type, name: 'local.get', opcode: 0x20, operands: [], immediates, label, index }
}
