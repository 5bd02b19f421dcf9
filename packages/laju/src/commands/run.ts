import { type AskOptions, type Generation, LajuError, type Message, type Model, type Reply } from '@laju/engine'
import { ADAPTER_OPTION } from '../adapter-option.ts'
import type { Arguments } from '../arguments.ts'
import type { Command } from '../command.ts'
import { MODEL_HELP } from '../model-reference.ts'
import { openModel } from '../open-model.ts'
import { readStdin } from '../read-text.ts'
import { LOAD_OPTIONS, loadOptions, REPLY_OPTIONS, REVECTORIZE_OPTION, replyOptions } from '../reply-options.ts'
import { LiveOutput } from '../terminal/live-output.ts'
import { ReplyPrinter, replySummary } from '../terminal/reply-printer.ts'
import { styleOf } from '../terminal/style.ts'
import { UsageError } from '../usage-error.ts'

const MOST_LOGPROBS = 20

export const run: Command = {
  name: 'run',
  summary: 'Ask a model one question and print its answer.',
  parameters: [
    { name: 'MODEL', help: MODEL_HELP },
    { name: 'PROMPT', help: 'the question; without it, the standard input is read', optional: true },
  ],
  options: {
    ...REPLY_OPTIONS,
    raw: { type: 'boolean', help: 'continue the prompt as it is, without the chat template' },
    logprobs: { type: 'string', value: 'N', help: 'with --json: log-probabilities, with N alternatives a token' },
    ...ADAPTER_OPTION,
    ...LOAD_OPTIONS,
    ...REVECTORIZE_OPTION,
    json: { type: 'boolean', help: 'print one JSON object: text, reasoning, finishReason, usage, timings' },
  },
  examples: [
    { line: 'laju run nano "What is 12 + 30?"', help: 'one answer' },
    { line: 'cat notes.txt | laju run ./qwen3.gguf > summary.txt', help: 'only the answer goes into the file' },
    { line: 'laju run ./qwen3.gguf "Why is the sky blue?" --think-budget 256', help: 'think, but not for long' },
    { line: 'laju run ./qwen3.gguf "Ahoy" --adapter ./pirate-lora:0.5', help: 'with an adapter at half its strength' },
    { line: 'laju run ./llama.gguf "Once upon" --raw --greedy --max-tokens 64 --json', help: 'for programs' },
  ],

  async run(given, signal) {
    const options: AskOptions = { ...replyOptions(given), logprobs: readLogprobs(given), signal }
    const load = loadOptions(given, signal)
    refuseTemplateOptions(given)
    const prompt = await readPrompt(given, signal)
    await using model = await openModel(given.required(0), load)
    const generation = start(model, prompt, given, options)
    if (given.flag('json')) printJson(await generation.reply)
    else if (process.stdout.isTTY) await show(generation)
    else await printPlain(generation)
  },
}

function readLogprobs(given: Arguments): number | undefined {
  const count = given.integer('logprobs', 0, MOST_LOGPROBS)
  if (count !== undefined && !given.flag('json')) throw new UsageError('--logprobs needs --json.')
  return count
}

/** Without a template there is no place for a system message, and nothing that could switch thinking. */
function refuseTemplateOptions(given: Arguments): void {
  for (const name of ['system', 'think', 'no-think', 'think-budget']) given.refuseTogether('raw', name)
}

async function readPrompt(given: Arguments, signal: AbortSignal): Promise<string> {
  const prompt = given.positional(1) ?? (await promptFromStdin(signal))
  if (prompt !== '') return prompt
  throw new LajuError('empty-prompt', 'The prompt is empty.', {
    field: 'PROMPT',
    remedy: 'Put the question after the model, or pipe it in.',
  })
}

/** What is typed or piped ends with a line break that is not meant. */
async function promptFromStdin(signal: AbortSignal): Promise<string> {
  if (process.stdin.isTTY) console.error('Type the prompt and end it with Ctrl-D.')
  return (await readStdin(signal)).replace(/\r?\n$/, '')
}

function start(model: Model, prompt: string, given: Arguments, options: AskOptions): Generation {
  if (given.flag('raw')) return model.complete(prompt, options)
  const system = given.text('system')
  const messages: Message[] = system === undefined ? [] : [{ role: 'system', content: system }]
  return model.conversation({ messages }).send(prompt, options)
}

async function show(generation: Generation): Promise<void> {
  const reply = await new ReplyPrinter(new LiveOutput(), process.stdout).print(generation)
  if (reply) console.error(styleOf(process.stderr).dim(replySummary(reply)))
}

/** For pipes and files: the answer and nothing else. */
async function printPlain(generation: Generation): Promise<void> {
  let last = ''
  for await (const part of generation) {
    if (part.type !== 'text-delta') continue
    process.stdout.write(part.text)
    last = part.text
  }
  if (!last.endsWith('\n')) process.stdout.write('\n')
}

function printJson({ text, reasoning, finishReason, usage, timings, logprobs }: Reply): void {
  console.log(JSON.stringify({ text, reasoning: reasoning ?? null, finishReason, usage, timings, logprobs }))
}
