import type { LoadOptions } from '@laju/engine'
import type { Arguments } from './arguments.ts'
import type { CommandOption } from './command.ts'

/** The option of every command that computes with a model. */
export const ADAPTER_OPTION = {
  adapter: {
    type: 'string',
    value: 'NAME[:X]',
    multiple: true,
    help: 'attach a LoRA adapter (folder, file or hf: name), at X times its strength (repeatable)',
  },
} satisfies Record<string, CommandOption>

/** A number behind the last colon is the scale: a file whose name ends like that needs one more, `:1`. */
export function adaptersOf(given: Arguments): LoadOptions['adapters'] {
  return given.list('adapter').map((typed) => {
    const [, name = typed, scale = '1'] = /^(.+):([+-]?(?:\d+\.?\d*|\.\d+))$/s.exec(typed) ?? []
    return { name, scale: Number(scale) }
  })
}
