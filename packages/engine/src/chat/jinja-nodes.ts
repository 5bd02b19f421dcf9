import { parse, tokenize } from '@huggingface/jinja'
import type { Arguments, Value } from './jinja-values.ts'

/** A statement or expression of a parsed template. Every kind that is looked into here has its own interface below. */
export interface Node {
  readonly type: string
}
export interface Constant extends Node {
  readonly type: 'Constant'
  readonly value: Value
}
export interface Identifier extends Node {
  readonly value: string
}
export interface Call extends Node {
  readonly callee: Node
  readonly args: readonly Node[]
}
export interface Filter extends Node {
  readonly operand: Node
  readonly filter: Node
}
export interface Loop extends Node {
  readonly loopvar: Node
  readonly iterable: Node
}
export interface Select extends Node {
  readonly lhs: Node
}
export interface Binary extends Node {
  readonly operator: { readonly value: string }
  readonly left: Node
  readonly right: Node
}
export interface Member extends Node {
  readonly object: Node
  readonly property: Node
  readonly computed: boolean
}
export interface Test extends Node {
  readonly operand: Node
  readonly negate: boolean
  readonly test: Identifier
}
export interface ObjectLiteral extends Node {
  readonly value: ReadonlyMap<Node, Node>
}
export interface Spread extends Node {
  readonly argument: Node
}
export interface KeywordArgument extends Node {
  readonly key: Identifier
  readonly value: Node
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

export function constant(value: Value): Constant {
  return { type: 'Constant', value }
}

/** Arguments as nodes again: to evaluate them twice would do twice what they do. */
export function evaluated({ values, named }: Arguments): Node[] {
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

export function filterOf(filter: Node): { name: string; args: readonly Node[] } {
  if (filter.type !== 'CallExpression') return { name: (filter as Identifier).value, args: [] }
  const { callee, args } = filter as Call
  return { name: callee.type === 'Identifier' ? (callee as Identifier).value : '', args }
}
