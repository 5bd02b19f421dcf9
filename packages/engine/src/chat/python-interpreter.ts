import { Interpreter, parse, tokenize } from '@huggingface/jinja'
import { formatBraces, formatPercent } from './jinja-format.ts'
import {
  areEqual,
  asValue,
  charactersOf,
  checkSize,
  dictionaryValue,
  entryOf,
  isAmong,
  isList,
  isNull,
  isNumber,
  isText,
  isUndefined,
  LONGEST_TEXT,
  listValue,
  pythonText,
  type Scope,
  textValue,
  type Value,
} from './jinja-values.ts'

/** A statement or expression of a parsed template. Every kind that is looked into here has its own interface below. */
export interface Node {
  readonly type: string
}
interface Constant extends Node {
  readonly type: 'Constant'
  readonly value: Value
}
interface Identifier extends Node {
  readonly value: string
}
interface Call extends Node {
  readonly callee: Node
  readonly args: readonly Node[]
}
interface Filter extends Node {
  readonly operand: Node
  readonly filter: Node
}
interface Loop extends Node {
  readonly loopvar: Node
  readonly iterable: Node
}
interface Select extends Node {
  readonly lhs: Node
}
interface Binary extends Node {
  readonly operator: { readonly value: string }
  readonly left: Node
  readonly right: Node
}
interface Member extends Node {
  readonly object: Node
  readonly property: Node
  readonly computed: boolean
}
interface Test extends Node {
  readonly operand: Node
  readonly negate: boolean
  readonly test: Identifier
}
interface ObjectLiteral extends Node {
  readonly value: ReadonlyMap<Node, Node>
}
interface Spread extends Node {
  readonly argument: Node
}
interface KeywordArgument extends Node {
  readonly key: Identifier
  readonly value: Node
}
interface Dictionary extends Value {
  readonly builtins: ReadonlyMap<string, Value>
}
interface Arguments {
  readonly values: readonly Value[]
  readonly named: ReadonlyMap<string, Value>
}

interface Evaluator {
  run(program: Node): Value
  evaluate(node: Node | undefined, scope: Scope): Value
}
const PlainInterpreter: new (scope: Scope) => Evaluator = Interpreter

/** Filters that take anything as text: `str(value)` is their first step in jinja2. */
const TEXT_FILTERS = new Set(['trim', 'upper', 'lower', 'title', 'capitalize', 'replace'])
/** Filters that jinja2 writes as generators: nothing is computed yet, and so they have no length and no JSON. */
const LAZY_FILTERS = new Set(['map', 'select', 'reject', 'selectattr', 'rejectattr', 'unique'])
/** Filters to which an undefined value is an empty list. */
const LIST_FILTERS = new Set(['list', 'first', 'last', 'sort', 'reverse', 'unique', 'length', 'min', 'max'])
/** Filters whose time grows with the text in their lists. */
const MEASURED_FILTERS = new Set(['tojson', 'join', 'sort', 'dictsort', 'min', 'max', 'unique'])
/** Filters whose arguments can make them slow or large. */
const CHECKED_FILTERS = new Set(['tojson', 'indent', 'replace'])
const OWN_OPERATORS = new Set(['==', '!=', '~', '+', '*', 'in', 'not in'])
const DICTIONARY_METHODS = new Set(['items', 'keys', 'values', 'get'])
/** JavaScript looks for a text in another in time that grows with the product of their lengths, at worst. */
const LONGEST_SEARCH = 2 ** 32
/** An indentation beyond it is an attack on memory. */
const WIDEST_INDENT = 512

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

/** Parses a template so that what it prints is printed as Python does: `True`, `None`, `{'a': 1}`. */
export function parseTemplate(source: string): Node {
  return withPrinting(parse(tokenize(source, { trim_blocks: true, lstrip_blocks: true })) as unknown as Node)
}

const [example] = (parse(tokenize('{{ a | string }}')) as unknown as { body: Filter[] }).body
const FilterNode = example.constructor as new (operand: Node, filter: Node) => Node

const PARTS_WITH_BODIES = ['body', 'alternate', 'defaultBlock'] as const
const STATEMENTS = new Set(['Set', 'If', 'For', 'Macro', 'CallStatement', 'FilterStatement', 'Break', 'Continue'])

/** Puts `| string` behind every expression that is printed. */
function withPrinting(node: Node): Node {
  const bodies = node as { [part in (typeof PARTS_WITH_BODIES)[number]]?: Node[] }
  for (const part of PARTS_WITH_BODIES) {
    const statements = bodies[part]
    if (Array.isArray(statements)) bodies[part] = statements.map(printed)
  }
  return node
}

function printed(node: Node): Node {
  if (STATEMENTS.has(node.type)) return withPrinting(node)
  return node.type === 'StringLiteral' || node.type === 'Comment' ? node : new FilterNode(node, example.filter)
}

const TEXT_METHODS: Readonly<Record<string, (text: string, args: Arguments) => string>> = {
  format: (text, { values, named }) => formatBraces(text, values, named),
  strip: (text, args) => stripped(text, args, true, true),
  lstrip: (text, args) => stripped(text, args, true, false),
  rstrip: (text, args) => stripped(text, args, false, true),
}

function stripped(text: string, { values: [given] }: Arguments, start: boolean, end: boolean): string {
  if (given === undefined || isNull(given)) return start ? (end ? text.trim() : text.trimStart()) : text.trimEnd()
  const characters = new Set(pythonText(given))
  let [from, to] = [0, text.length]
  while (start && from < to && characters.has(text[from])) from++
  while (end && to > from && characters.has(text[to - 1])) to--
  return text.slice(from, to)
}

function constant(value: Value): Constant {
  return { type: 'Constant', value }
}

/** Arguments as nodes again: to evaluate them twice would do twice what they do. */
function evaluated({ values, named }: Arguments): Node[] {
  const keywords = Array.from(named, ([key, value]) => {
    const argument: KeywordArgument = {
      type: 'KeywordArgumentExpression',
      key: { type: 'Identifier', value: key } as Identifier,
      value: constant(value),
    }
    return argument
  })
  return [...values.map(constant), ...keywords]
}

function repeated(text: string, count: number): string {
  if (count * text.length > LONGEST_TEXT) throw new Error('its text grew without end')
  return text.repeat(Math.max(0, count))
}

/** What a loop goes over. */
function iterated(value: Value): Value {
  if (isUndefined(value)) return listValue([])
  if (isText(value)) return listValue(charactersOf(value.value))
  return value
}

/** The library takes only lists apart, not tuples. */
function unpackable(value: Value): Value {
  if (!isList(value)) return value
  return listValue(
    value.value.map((item) => (item.type === 'TupleValue' && isList(item) ? listValue(item.value) : item)),
  )
}

function filterOf(filter: Node): { name: string; args: readonly Node[] } {
  if (filter.type !== 'CallExpression') return { name: (filter as Identifier).value, args: [] }
  const { callee, args } = filter as Call
  return { name: callee.type === 'Identifier' ? (callee as Identifier).value : '', args }
}

/** The operand as jinja2's filter would take it. */
function filterOperand(name: string, operand: Value): Value {
  if (TEXT_FILTERS.has(name) && !isText(operand)) return textValue(pythonText(operand))
  if (LIST_FILTERS.has(name) && isUndefined(operand)) return listValue([])
  return operand
}

function checkSearch(wanted: Value | undefined, text: string): void {
  if (wanted !== undefined && isText(wanted) && wanted.value.length * text.length > LONGEST_SEARCH) {
    throw new Error('it looks for too long a text')
  }
}

function checkIndent({ values, named }: Arguments): void {
  for (const value of [...values, ...named.values()]) {
    if (isNumber(value) && value.value > WIDEST_INDENT) throw new Error(`an indentation of over ${WIDEST_INDENT}`)
  }
}

function join(operand: Value, { values, named }: Arguments): Value {
  const items = iterated(operand)
  if (!isList(items)) throw new Error(`${operand.type} cannot be joined`)
  const separator = values[0] ?? named.get('d')
  const attribute = values[1] ?? named.get('attribute')
  const texts = items.value.map((item) => pythonText(attribute === undefined ? item : fieldOf(item, attribute)))
  return textValue(texts.join(separator === undefined ? '' : pythonText(separator)))
}

function fieldOf(item: Value, name: Value): Value {
  const field = item.value instanceof Map ? (item.value.get(name.value) as Value | undefined) : undefined
  return field ?? asValue(undefined)
}

/** The smallest or largest of numbers or texts. @param sign −1 for the smallest */
function extreme(items: readonly Value[], sign: number): Value {
  let best = items.at(0) ?? asValue(undefined)
  for (const item of items) if (sign * compare(item, best) > 0) best = item
  return best
}

function compare(a: Value, b: Value): number {
  if (isNumber(a) && isNumber(b)) return a.value - b.value
  if (!isText(a) || !isText(b)) throw new Error(`${a.type} and ${b.type} cannot be compared`)
  const [left, right] = [a.value.toLowerCase(), b.value.toLowerCase()]
  return left < right ? -1 : left > right ? 1 : 0
}

function sortedItems(operand: Value): Value | undefined {
  const items = (operand as { items?: () => Value }).items?.()
  if (items === undefined || !isList(items)) return undefined
  const keyOf = (item: Value) => (item.value as readonly Value[])[0]
  return listValue([...items.value].sort((a, b) => compare(keyOf(a), keyOf(b))))
}

function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&#34;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, (character) => entities[character])
}
