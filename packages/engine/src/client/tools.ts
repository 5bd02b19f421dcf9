import type { Message } from '../chat/message.ts'
import type { ToolDefinition } from '../chat/tools.ts'
import { OptionError } from '../errors.ts'
import type { AskOptions } from '../worker/types.ts'

/** A function that a model may call. It runs where it was given, never in the engine's thread. */
export interface Tool extends Omit<ToolDefinition, 'name'> {
  /**
   * Takes what the model wrote: an object, which nobody has checked against `parameters`. What it returns is told to
   * the model: a text as it is, anything else as JSON. So is the message of what it throws. Without this function the
   * reply ends at the call.
   */
  execute?(input: Record<string, unknown>, context: { readonly signal: AbortSignal }): unknown
}

/** Functions by the names that the model calls them by. */
export type Tools = Readonly<Record<string, Tool>>

export interface ToolOptions {
  readonly tools?: Tools
  /** How often results go back to the model in one reply; default 8. Then the reply ends at the calls. */
  readonly maxToolRounds?: number
}

export interface ChatOptions extends AskOptions, ToolOptions {}

const DEFAULT_ROUNDS = 8
const NAME = /^[\w.-]{1,64}$/

/** What the engine is told of the functions. @throws OptionError */
export function definitionsOf(tools: Tools): ToolDefinition[] {
  return Object.entries(tools).map(([name, { description, parameters }]) => {
    if (!NAME.test(name)) {
      const problem = `${JSON.stringify(name)} is no name for a function.`
      throw new OptionError('tools', problem, 'Use up to 64 letters, digits, dots, dashes and underscores.')
    }
    return { name, description, parameters: plainData(name, parameters) }
  })
}

/** Messages as the engine is asked about them: without functions where there are none. */
export function promptOf(messages: readonly Message[], tools: readonly ToolDefinition[]) {
  return tools.length === 0 ? { messages } : { messages, tools }
}

/** @throws OptionError */
export function roundsOf({ maxToolRounds = DEFAULT_ROUNDS }: ToolOptions): number {
  if (Number.isSafeInteger(maxToolRounds) && maxToolRounds >= 0) return maxToolRounds
  throw new OptionError('maxToolRounds', `maxToolRounds must be a whole number of at least 0, not ${maxToolRounds}.`)
}

/** A copy that can go to another thread. */
function plainData(name: string, parameters: Tool['parameters']): Tool['parameters'] {
  try {
    return parameters === undefined ? undefined : JSON.parse(JSON.stringify(parameters))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new OptionError('tools', `The parameters of ${name} are no JSON schema: ${reason}.`)
  }
}
