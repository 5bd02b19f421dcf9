import { createInterface } from 'node:readline'
import type { Model } from '@laju/engine'
import { ADAPTER_OPTION } from '../adapter-option.ts'
import type { Arguments } from '../arguments.ts'
import { parseChatCommand } from '../chat/chat-command.ts'
import { ChatSession } from '../chat/chat-session.ts'
import { LineEditor } from '../chat/line-editor.ts'
import { recalled, restoreConversation } from '../chat/restore-conversation.ts'
import type { Command } from '../command.ts'
import { MODEL_HELP } from '../model-reference.ts'
import { openModel } from '../open-model.ts'
import { LOAD_OPTIONS, loadOptions, REPLY_OPTIONS, REVECTORIZE_OPTION, replyOptions } from '../reply-options.ts'
import { LiveOutput } from '../terminal/live-output.ts'
import { neutralise } from '../terminal/neutralise.ts'
import { styleOf } from '../terminal/style.ts'
import { formatCount } from '../terminal/units.ts'

export const chat: Command = {
  name: 'chat',
  summary: 'Talk with a model.',
  parameters: [{ name: 'MODEL', help: `${MODEL_HELP}; nano if left out`, optional: true }],
  options: {
    ask: { type: 'string', value: 'QUESTION', help: 'ask this first; without a terminal, only this' },
    restore: { type: 'string', value: 'FILE', help: 'go on with the conversation in this file' },
    save: { type: 'string', value: 'FILE', help: 'keep the conversation in this file when it ends' },
    ...REPLY_OPTIONS,
    ...ADAPTER_OPTION,
    ...LOAD_OPTIONS,
    ...REVECTORIZE_OPTION,
  },
  examples: [
    { line: 'laju chat', help: 'talk with the small model that comes with laju' },
    { line: 'laju chat ./qwen3.gguf --system "Answer in one sentence."', help: 'your own model, with a role' },
    { line: 'laju chat --restore sums.laju --save sums.laju', help: 'go on where you were yesterday' },
    { line: 'laju chat nano < questions.txt', help: 'answer every line of a file, one after the other' },
  ],

  async run(given, signal) {
    const options = replyOptions(given)
    given.refuseTogether('restore', 'system')
    await using model = await openModel(given.positional(0) ?? 'nano', loadOptions(given, signal))
    const [restored, kept] = [given.text('restore'), given.text('save')]
    const conversation =
      restored === undefined
        ? model.conversation({ system: given.text('system') })
        : await restoreConversation(model, restored)
    const session = new ChatSession(model, conversation, options, new LiveOutput())
    if (restored !== undefined) console.error(styleOf(process.stderr).dim(recalled(conversation)))
    if (process.stdin.isTTY && process.stdout.isTTY) await talk(session, model, given, signal)
    else await answerLines(session, given, signal)
    if (kept !== undefined) await session.save(kept)
  },
}

async function talk(session: ChatSession, model: Model, given: Arguments, signal: AbortSignal): Promise<void> {
  const style = styleOf(process.stdout)
  console.log(style.dim(greeting(model)))
  const editor = new LineEditor(process.stdin, process.stdout, style.bold('> '))
  const end = () => editor.close()
  signal.addEventListener('abort', end, { once: true })
  try {
    await takeTurns(session, editor, given.text('ask'), signal)
  } finally {
    signal.removeEventListener('abort', end)
    editor.close()
  }
}

async function takeTurns(session: ChatSession, editor: LineEditor, first: string | undefined, signal: AbortSignal) {
  if (first !== undefined) console.log(echoed(first))
  let message = first ?? (await editor.read())
  while (message !== undefined) {
    const goesOn = await takeTurn(session, message, (question) => askStoppably(session, editor, question, signal))
    if (!goesOn || signal.aborted) return
    message = await editor.read()
  }
}

/** Obeys or asks; false when the message ends the chat. */
async function takeTurn(session: ChatSession, message: string, ask: (question: string) => Promise<void>) {
  const command = parseChatCommand(message)
  if (command) return session.obey(command)
  if (message.trim() !== '') await ask(message)
  return true
}

/** Ctrl-C stops the answer; `signal` ends the whole chat. */
function askStoppably(session: ChatSession, editor: LineEditor, question: string, signal: AbortSignal): Promise<void> {
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  return editor.during(
    () => session.askPatiently(question, either),
    () => stop.abort(),
  )
}

/** Without a terminal: the question of --ask, or else every line of the standard input. */
async function answerLines(session: ChatSession, given: Arguments, signal: AbortSignal): Promise<void> {
  const question = given.text('ask')
  const lines = question === undefined ? createInterface({ input: process.stdin, signal }) : [question]
  const ask = (line: string) => {
    console.log(echoed(line))
    return session.ask(line, signal)
  }
  for await (const line of lines) if (!(await takeTurn(session, line, ask))) return
}

function echoed(question: string): string {
  const style = styleOf(process.stdout)
  return style.bold('> ') + neutralise(question)
}

function greeting({ info, adapters }: Model): string {
  const { name, architecture, parameters } = info
  const model = `${neutralise(name)} · ${neutralise(architecture)} · ${formatCount(parameters)} parameters`
  const attached = adapters.map((adapter) => `with ${neutralise(adapter.info.name)} at ${adapter.scale}\n`)
  return `${model}\n${attached.join('')}/help shows what you can type; Ctrl-D leaves.\n`
}
