import { Interpreter } from '@huggingface/jinja'
import { formatPercent } from './jinja-format.ts'
import {
  type Binary,
  type Call,
  type Constant,
  constant,
  evaluated,
  type Filter,
  filterOf,
  type Identifier,
  type KeywordArgument,
  type Loop,
  type Member,
  type Node,
  type ObjectLiteral,
  type Select,
  type Spread,
  type Test,
} from './jinja-nodes.ts'
import {
  type Arguments,
  areEqual,
  asValue,
  checkSize,
  dictionaryValue,
  entryOf,
  isAmong,
  isList,
  isNull,
  isNumber,
  isText,
  isUndefined,
  listValue,
  pythonText,
  type Scope,
  textValue,
  type Value,
} from './jinja-values.ts'
import {
  checkIndent,
  checkSearch,
  escaped,
  extreme,
  filterOperand,
  iterated,
  join,
  repeated,
  sortedItems,
  TEXT_METHODS,
  unpackable,
} from './python-functions.ts'

interface Dictionary extends Value {
  readonly builtins: ReadonlyMap<string, Value>
}

interface Evaluator {
  run(program: Node): Value
  evaluate(node: Node | undefined, scope: Scope): Value
}
const PlainInterpreter: new (scope: Scope) => Evaluator = Interpreter

/** Filters that jinja2 writes as generators: nothing is computed yet, and so they have no length and no JSON. */
const LAZY_FILTERS = new Set(['map', 'select', 'reject', 'selectattr', 'rejectattr', 'unique'])
/** Filters whose time grows with the text in their lists. */
const MEASURED_FILTERS = new Set(['tojson', 'join', 'sort', 'dictsort', 'min', 'max', 'unique'])
/** Filters whose arguments can make them slow or large. */
const CHECKED_FILTERS = new Set(['tojson', 'indent', 'replace'])
const OWN_OPERATORS = new Set(['==', '!=', '~', '+', '*', 'in', 'not in'])
const DICTIONARY_METHODS = new Set(['items', 'keys', 'values', 'get'])
/**
 * The interpreter of @huggingface/jinja with the places mended where it differs from jinja2, which every template was
 * written for. Each override is there for a published template that needs it; what both agree on is left alone.
 */
export class PythonInterpreter extends PlainInterpreter {
  /** Texts that went through `safe`: what is added to them gets escaped (functionary v3.1). */
  readonly #markup = new WeakSet<Value>()
  /** Results of filters that are generators in jinja2. */
  readonly #lazy = new WeakSet<Value>()

  override evaluate(node: Node | undefined, scope: Scope): Value {
    switch (node?.type) {
      case 'Constant':
        return (node as Constant).value
      case 'For':
        return super.evaluate(this.#loop(node as Loop, scope), scope)
      case 'FilterExpression':
        return this.#filter(node as Filter, scope)
      case 'BinaryExpression':
        return this.#binary(node as Binary, scope)
      case 'CallExpression':
        return this.#call(node as Call, scope)
      case 'MemberExpression':
        return this.#member(node as Member, scope)
      case 'TestExpression':
        return this.#test(node as Test, scope)
      case 'ObjectLiteral':
        return this.#dictionary(node as ObjectLiteral, scope)
      default:
        return super.evaluate(node, scope)
    }
  }

  /** Loops over undefined (Command-R+, Hermes), over the characters of a text (Llama 3.2), over tuples (functionary). */
  #loop(node: Loop, scope: Scope): Node {
    const { iterable } = node
    const selects = iterable.type === 'SelectExpression'
    const items = this.evaluate(selects ? (iterable as Select).lhs : iterable, scope)
    const known = constant(node.loopvar.type === 'TupleLiteral' ? unpackable(iterated(items)) : iterated(items))
    return { ...node, iterable: selects ? { ...iterable, lhs: known } : known } as Node
  }

  #filter(node: Filter, scope: Scope): Value {
    const { name, args } = filterOf(node.filter)
    const operand = filterOperand(name, this.evaluate(node.operand, scope))
    if (this.#lazy.has(operand) && (name === 'length' || name === 'tojson')) {
      throw new Error(`${name} of a generator: it needs "| list" first`)
    }
    if (MEASURED_FILTERS.has(name)) checkSize(operand)
    const own = this.#ownFilter(name, operand, args, scope)
    if (own !== undefined) return own
    const known: Filter = { ...node, operand: constant(operand) }
    const result = super.evaluate(
      args.length > 0 && CHECKED_FILTERS.has(name) ? this.#checked(known, scope) : known,
      scope,
    )
    const copied = name === 'list' && isList(result) ? listValue(result.value) : result
    if (LAZY_FILTERS.has(name)) this.#lazy.add(copied)
    return copied
  }

  /** The filter with its arguments evaluated, and found harmless. */
  #checked(node: Filter, scope: Scope): Filter {
    const call = node.filter as Call
    const args = this.#arguments(call.args, scope)
    if (filterOf(call).name === 'replace') checkSearch(args.values[0], pythonText((node.operand as Constant).value))
    else checkIndent(args)
    return { ...node, filter: { ...call, args: evaluated(args) } as Node }
  }

  /** Filters that the library lacks, or has for some kinds of values only; undefined for all others. */
  #ownFilter(name: string, operand: Value, args: readonly Node[], scope: Scope): Value | undefined {
    switch (name) {
      case 'safe':
        return this.#mark(textValue(pythonText(operand)))
      case 'string':
        return isText(operand) ? operand : textValue(pythonText(operand))
      case 'join':
        return join(operand, this.#arguments(args, scope))
      case 'format':
        return textValue(formatPercent(pythonText(operand), this.#arguments(args, scope).values))
      case 'first':
      case 'last':
        return isList(operand) && operand.value.length === 0 ? asValue(undefined) : undefined
      case 'min':
      case 'max':
        return isList(operand) ? extreme(operand.value, name === 'min' ? -1 : 1) : undefined
      case 'dictsort':
        return args.length === 0 ? sortedItems(operand) : undefined
      case 'selectattr':
      case 'rejectattr':
      case 'map':
        // jinja2 does not look into what is false: `tools | selectattr(…)` where tools is none.
        return isNull(operand) || isUndefined(operand) ? listValue([]) : undefined
      default:
        return undefined
    }
  }

  /**
   * Lists and dictionaries with equal parts are equal (Mistral looks for a message so); `~` takes anything as text; `+`
   * joins a text with nothing but a text.
   */
  #binary(node: Binary, scope: Scope): Value {
    const operator = node.operator.value
    if (!OWN_OPERATORS.has(operator)) return super.evaluate(node, scope)
    const left = this.evaluate(node.left, scope)
    const right = this.evaluate(node.right, scope)
    switch (operator) {
      case '==':
      case '!=':
        return asValue(areEqual(left, right) === (operator === '=='))
      case '~':
        return this.#concatenate(textValue(pythonText(left)), textValue(pythonText(right)))
      case '+':
        if (isText(left) && isText(right)) return this.#concatenate(left, right)
        if (isText(left) || isText(right)) throw new Error('a text cannot be joined with what is none')
        break
      case '*':
        if (isText(left) && isNumber(right)) return textValue(repeated(left.value, right.value))
        break
      default:
        if (isList(right)) return asValue(isAmong(left, right.value) === (operator === 'in'))
        if (isText(right)) checkSearch(left, right.value)
    }
    return super.evaluate({ ...node, left: constant(left), right: constant(right) } as Node, scope)
  }

  #concatenate(left: Value, right: Value): Value {
    const safe = [left, right].map((side) => this.#markup.has(side))
    if (!safe.includes(true)) return textValue(`${left.value}${right.value}`)
    const parts = [left, right].map(({ value }, i) => (safe[i] ? value : escaped(String(value))))
    return this.#mark(textValue(parts.join('')))
  }

  #mark(value: Value): Value {
    this.#markup.add(value)
    return value
  }

  /**
   * `schema.items` is the method also where there is such a key (GigaChat, Command-R+); only `schema['items']` is the
   * entry. There is no entry for a key that is no text (Hermes), but in dictionaries written with numbers for keys.
   */
  #member(node: Member, scope: Scope): Value {
    const object = this.evaluate(node.object, scope)
    if (isUndefined(object)) throw new Error('something undefined is asked for its parts')
    const known = { ...node, object: constant(object) } as Node
    if (object.type !== 'ObjectValue') return super.evaluate(known, scope)
    if (!node.computed) {
      const name = (node.property as Identifier).value
      const method = DICTIONARY_METHODS.has(name) ? (object as Dictionary).builtins.get(name) : undefined
      return method ?? super.evaluate(known, scope)
    }
    if (node.property.type === 'SliceExpression') return super.evaluate(known, scope)
    const key = this.evaluate(node.property, scope)
    if (!isText(key)) return entryOf(object, key)
    return super.evaluate({ ...known, property: constant(key) } as Node, scope)
  }

  /** Methods of texts that the library lacks (`format`), or whose argument it ignores (the strips). */
  #call(node: Call, scope: Scope): Value {
    if (node.callee.type !== 'MemberExpression') return super.evaluate(node, scope)
    const callee = node.callee as Member
    const object = this.evaluate(callee.object, scope)
    const known = { ...node, callee: { ...callee, object: constant(object) } } as Call
    if (!isText(object) || callee.computed) return super.evaluate(known, scope)
    const args = this.#arguments(node.args, scope)
    const method = (callee.property as Identifier).value
    if (Object.hasOwn(TEXT_METHODS, method)) return textValue(TEXT_METHODS[method](object.value, args))
    for (const value of args.values) checkSearch(value, object.value)
    return super.evaluate({ ...known, args: evaluated(args) } as Node, scope)
  }

  /** Everything that can stand behind `for` is iterable; the library knows lists and texts only. */
  #test(node: Test, scope: Scope): Value {
    if (node.test.value !== 'iterable') return super.evaluate(node, scope)
    const { type } = this.evaluate(node.operand, scope)
    const iterable = /^(Array|Tuple|String|Object|Undefined)Value$/.test(type)
    return asValue(iterable !== node.negate)
  }

  /** Keys that are numbers (Seed-OSS). */
  #dictionary(node: ObjectLiteral, scope: Scope): Value {
    const entries = Array.from(
      node.value,
      ([key, value]) => [this.evaluate(key, scope), constant(this.evaluate(value, scope))] as const,
    )
    if (entries.some(([key]) => isNumber(key))) {
      return dictionaryValue(entries.map(([key, { value }]) => [key, value]))
    }
    const value = new Map(entries.map(([key, value]) => [constant(key), value]))
    return super.evaluate({ ...node, value } as Node, scope)
  }

  #arguments(args: readonly Node[], scope: Scope): Arguments {
    const values: Value[] = []
    const named = new Map<string, Value>()
    for (const argument of args) {
      if (argument.type === 'KeywordArgumentExpression') {
        const { key, value } = argument as KeywordArgument
        named.set(key.value, this.evaluate(value, scope))
      } else if (argument.type === 'SpreadExpression') {
        const spread = this.evaluate((argument as Spread).argument, scope)
        if (!isList(spread)) throw new Error(`${spread.type} cannot be spread over arguments`)
        values.push(...spread.value)
      } else values.push(this.evaluate(argument, scope))
    }
    return { values, named }
  }
}
