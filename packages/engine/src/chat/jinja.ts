import { type Node, parseTemplate } from './jinja-nodes.ts'
import { LONGEST_LIST, LONGEST_TEXT, PlainScope, type Scope, type Value } from './jinja-values.ts'
import { PythonInterpreter } from './python-interpreter.ts'
import { strftime } from './strftime.ts'

/** As in the sandbox in which transformers renders (jinja2.sandbox.MAX_RANGE). */
const LONGEST_RANGE = 100_000
/** Parsed, a source takes up to 200 times its length. Real ones have some 20,000 characters. */
const LONGEST_SOURCE = 128 * 1024
const LONGEST_BLANK = 512
const DEFAULT_DEADLINE = 1200

/** The template called `raise_exception`: it does not accept these messages. */
export class TemplateRefusal extends Error {}

/**
 * A Jinja template in the environment transformers gives to chat templates: trim_blocks, lstrip_blocks,
 * `raise_exception`, `strftime_now`, and a `tojson` that does not escape HTML.
 *
 * Templates come with checkpoints, from strangers. They reach nothing but the variables given, and rendering stops with
 * an error after a deadline, checked at every statement and expression, or when a text or list grows beyond all
 * need. A single filter call is not interrupted, but what it would write is measured first.
 */
export class JinjaTemplate {
  readonly #program: Node

  /** @throws Error when the source is not a template. */
  constructor(source: string) {
    if (source.length > LONGEST_SOURCE) throw new Error(`it is longer than ${LONGEST_SOURCE} characters`)
    // The lexer looks for its tags behind blanks, in time quadratic in their number.
    if (new RegExp(`\\s{${LONGEST_BLANK}}`).test(source))
      throw new Error(`it has over ${LONGEST_BLANK} blanks in a row`)
    this.#program = parseTemplate(source)
  }

  /**
   * @param variables plain data (strings, numbers, booleans, null, arrays, objects).
   * @param options.now what `strftime_now` tells; default the current time.
   * @param options.deadline milliseconds; default 1,200, over ten times what a thousand turns take.
   * @throws TemplateRefusal, or Error when the template does not work out.
   */
  render(variables: Readonly<Record<string, unknown>>, options: { now?: Date; deadline?: number } = {}): string {
    const { now, deadline = DEFAULT_DEADLINE } = options
    const scope = new PlainScope()
    const globals = { ...constants, range, raise_exception: refuse, strftime_now: tell(now), ...variables }
    for (const [name, value] of Object.entries(globals)) scope.set(name, value)
    return String(new BoundedInterpreter(scope, deadline).run(this.#program).value)
  }
}

class BoundedInterpreter extends PythonInterpreter {
  readonly #end: number
  readonly #deadline: number

  constructor(scope: Scope, deadline: number) {
    super(scope)
    this.#deadline = deadline
    this.#end = performance.now() + deadline
  }

  override evaluate(node: Node | undefined, scope: Scope): Value {
    if (performance.now() > this.#end) throw new Error(`it was not done after ${this.#deadline / 1000} seconds`)
    const result = super.evaluate(node, scope)
    const { value } = result
    if (typeof value === 'string' && value.length > LONGEST_TEXT) throw new Error('its text grew without end')
    if (Array.isArray(value) && value.length > LONGEST_LIST) throw new Error('one of its lists grew without end')
    return result
  }
}

const constants = { true: true, True: true, false: false, False: false, none: null, None: null }

function refuse(message: unknown): never {
  throw new TemplateRefusal(String(message))
}

function tell(now: Date | undefined): (format: unknown) => string {
  return (format) => strftime(now ?? new Date(), String(format))
}

/** Python's range. */
function range(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second]
  const length = Math.max(0, Math.ceil((stop - start) / step))
  if (!(length <= LONGEST_RANGE))
    throw new Error(`range() gives ${length} numbers; at most ${LONGEST_RANGE} are allowed`)
  return Array.from({ length }, (_, i) => start + i * step)
}
