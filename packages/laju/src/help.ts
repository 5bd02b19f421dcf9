import type { Command } from './command.ts'

export function usageLine(command: Command): string {
  const parameters = command.parameters.map(({ name, optional }) => (optional ? `[${name}]` : name))
  return ['laju', command.name, ...parameters, '[options]'].join(' ')
}

/** The text of `laju NAME --help`. */
export function commandHelp(command: Command): string {
  const parameters = command.parameters.map(({ name, help }): Row => [name, help])
  const options = Object.entries(command.options).map(([name, { value, help }]): Row => {
    return [value === undefined ? `--${name}` : `--${name} ${value}`, help]
  })
  options.push(['-h, --help', 'show this'])
  const examples = command.examples.map(({ line, help }) => `  ${line}\n      ${help}`)
  return [
    command.summary,
    `Usage:\n  ${usageLine(command)}`,
    ...(parameters.length > 0 ? [`Arguments:\n${table(parameters)}`] : []),
    `Options:\n${table(options)}`,
    `Examples:\n${examples.join('\n')}`,
  ].join('\n\n')
}

/** The text of `laju --help`. */
export function overview(commands: readonly Command[]): string {
  return [
    'laju runs open-weight language models on your own device.',
    'Usage:\n  laju COMMAND [arguments] [options]',
    `Commands:\n${table(commands.map(({ name, summary }): Row => [name, summary]))}`,
    `Options:\n${table([
      ['-h, --help', 'show this; after a command, show how to use it'],
      ['-v, --version', 'show the version'],
    ])}`,
    'Models:\n' +
      '  nano                 the small model that comes with laju\n' +
      '  ./model.gguf         a GGUF file\n' +
      '  ./folder             a folder with safetensors files, as published on Hugging Face\n' +
      '  qwen3:0.6b           a short name; it is downloaded when it is first used\n' +
      '  hf:owner/name:Q8_0   a model of the Hugging Face Hub, and which quantisation or file of it',
    'Examples:\n  laju chat\n  laju run nano "What is 12 + 30?"\n  laju inspect ./model.gguf',
  ].join('\n\n')
}

type Row = readonly [string, string]

const GAP = 2

function table(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + GAP
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`).join('\n')
}
