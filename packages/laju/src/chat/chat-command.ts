/** What a line that starts with a slash asks of the chat. */
export type ChatCommand =
  | { readonly name: 'think'; readonly setting: ThinkSetting | undefined }
  | { readonly name: 'save' | 'load'; readonly file: string }
  | { readonly name: 'reset' | 'undo' | 'stats' | 'help' | 'quit' }
  | { readonly name: 'wrong'; readonly message: string }

/** On, off, or on with a budget of tokens. */
export type ThinkSetting = 'on' | 'off' | number

export const CHAT_HELP = `/think on|off|N   think before answering, or not, or for at most N tokens
/undo             take back the last question and its answer
/reset            forget the conversation
/save FILE        keep the conversation in a file
/load FILE        go on with the conversation in a file
/stats            tokens, speed and memory so far
/help             this list
/quit             leave (so does Ctrl-D)
A line that ends with \\ goes on in the next one; \`\`\` opens and closes a block of lines.
Ctrl-C stops an answer.`

/** Reads a message as a command; undefined if it is a question for the model. `/usr/bin` is a question. */
export function parseChatCommand(message: string): ChatCommand | undefined {
  const [, name, rest = ''] = /^\/([a-z]+)(?: +(.*))?$/.exec(message.trim()) ?? []
  if (name === undefined) return undefined
  if (name === 'think') return parseThink(rest.trim())
  if (name === 'save' || name === 'load') {
    const file = rest.trim()
    return file === '' ? { name: 'wrong', message: `/${name} takes the name of a file.` } : { name, file }
  }
  if (rest.trim() !== '') return { name: 'wrong', message: `/${name} takes nothing after it.` }
  if (name === 'exit') return { name: 'quit' }
  if (name === 'reset' || name === 'undo' || name === 'stats' || name === 'help' || name === 'quit') return { name }
  return { name: 'wrong', message: `There is no command /${name}; /help lists them.` }
}

function parseThink(text: string): ChatCommand {
  if (text === '') return { name: 'think', setting: undefined }
  if (text === 'on' || text === 'off') return { name: 'think', setting: text }
  if (/^\d{1,9}$/.test(text)) return { name: 'think', setting: Number(text) }
  return { name: 'wrong', message: `/think takes on, off, or a number of tokens, not "${text}".` }
}
