import {
  type AdapterInfo,
  inspectAdapter,
  inspect as inspectModel,
  LajuError,
  type MemoryEstimate,
  type ModelInfo,
  type QuantizedWeights,
  TemplateError,
} from '@laju/engine'
import type { Command } from '../command.ts'
import { MODEL_HELP, resolveModel } from '../model-reference.ts'
import { printNotices } from '../open-model.ts'
import { LOAD_OPTIONS, loadOptions } from '../reply-options.ts'
import { showingProgress } from '../terminal/load-progress.ts'
import { neutralise } from '../terminal/neutralise.ts'
import { table } from '../terminal/table.ts'
import { formatBytes, formatCount, grouped } from '../terminal/units.ts'

export const inspect: Command = {
  name: 'inspect',
  summary: 'Show what a model is and how much memory it needs, or what an adapter is, without loading it.',
  parameters: [{ name: 'MODEL', help: `${MODEL_HELP}; or an adapter` }],
  options: {
    ...LOAD_OPTIONS,
    template: { type: 'boolean', help: 'print only the chat template' },
    json: { type: 'boolean', help: 'print one JSON object' },
  },
  examples: [
    { line: 'laju inspect nano', help: 'the model that comes with laju' },
    { line: 'laju inspect ./qwen3.gguf --context 32768', help: 'memory needed for a long conversation' },
    { line: 'laju inspect qwen3:0.6b', help: 'not here yet: only its headers are fetched' },
    { line: 'laju inspect ./qwen3.gguf --json', help: 'for programs' },
  ],

  async run(given, signal) {
    given.refuseTogether('template', 'json')
    const { adapters: _, ...options } = loadOptions(given, signal)
    const typed = given.required(0)
    const info = await showingProgress(typed, async (onProgress) => {
      const reference = resolveModel(typed)
      try {
        return await inspectModel(reference, { ...options, onProgress })
      } catch (error) {
        if (!(error instanceof LajuError) || error.code !== 'is-an-adapter' || given.flag('template')) throw error
        return inspectAdapter(reference, { signal })
      }
    })
    if ('ranks' in info) console.log(given.flag('json') ? JSON.stringify(info) : describeAdapter(info))
    else if (given.flag('json')) console.log(JSON.stringify({ ...info, chatTemplate: info.chatTemplate ?? null }))
    else if (given.flag('template')) printTemplate(info)
    else {
      console.log(describe(info))
      printNotices(info)
    }
  },
}

function printTemplate({ chatTemplate }: ModelInfo): void {
  if (chatTemplate === undefined) throw new TemplateError('template-failed', 'This model has no chat template.')
  process.stdout.write(process.stdout.isTTY ? `${neutralise(chatTemplate)}\n` : chatTemplate)
}

/** The table a person reads. Everything in it that is text comes from the file, so it is neutralised. */
export function describe(info: ModelInfo): string {
  const full = info.fullContextMemory
  const rows: readonly (readonly [string, string])[] = [
    ['name', info.name],
    ['format', info.format],
    ['architecture', info.architecture],
    ['parameters', `${formatCount(info.parameters)} (${grouped(info.parameters)})`],
    ...info.types.map(({ type, tensors, bytes }, index) => {
      const label = index === 0 ? 'types' : ''
      return [label, `${type.padEnd(6)} ${grouped(tensors)} tensors, ${formatBytes(bytes)}`] as const
    }),
    ...(info.quantized ? [['quantised', describeQuantized(info.quantized)] as const] : []),
    ['layers', grouped(info.layers)],
    ['width', grouped(info.width)],
    ['heads', `${grouped(info.heads)} (${grouped(info.keyValueHeads)} for keys and values)`],
    ...(info.experts
      ? [['experts', `${grouped(info.experts.count)} (${grouped(info.experts.used)} used)`] as const]
      : []),
    ['vocabulary', `${grouped(info.vocabulary)} tokens`],
    ['context', `${grouped(info.contextLength)} tokens (made for ${grouped(info.trainedContextLength)})`],
    ['runs on', info.backend === 'wasm' ? 'wasm' : `${info.backend}, slowly (--backend ${info.backend})`],
    ['memory', describeMemory(info.memory)],
    ['keys and values', `kept as ${info.cacheType}`],
    ['at full context', describeMemory(full)],
    ['chat template', describeTemplate(info)],
    ...(info.download === undefined
      ? []
      : [['download', `${formatBytes(info.download)}; it is not here yet`] as const]),
  ]
  return table(rows)
}

/** As `describe`. */
function describeAdapter({ name, format, baseModel, architecture, ranks, targets, ...size }: AdapterInfo): string {
  return table([
    ['name', name],
    ['format', `LoRA adapter, ${format === 'peft' ? 'of PEFT' : 'GGUF'}`],
    ...(baseModel === undefined ? [] : [['made for', baseModel] as const]),
    ...(architecture === undefined ? [] : [['architecture', architecture] as const]),
    ['rank', ranks.join(', ')],
    ['changes', targets.map(({ name: target, weights }) => `${target} (${weights})`).join(', ')],
    ['parameters', `${formatCount(size.parameters)} (${grouped(size.parameters)}), ${formatBytes(size.bytes)}`],
    ['use', 'laju run MODEL PROMPT --adapter THIS'],
  ])
}

/** "to Q8_0 while it is loaded, from BF16 (1.19 GB)" */
export function describeQuantized({ type, from, storedBytes }: QuantizedWeights): string {
  return `to ${type} while it is loaded, from ${from.join(', ')} (${formatBytes(storedBytes)}); --quantize none keeps that`
}

function describeMemory({ weights, cache, activations, total }: MemoryEstimate): string {
  const parts = `weights ${formatBytes(weights)}, conversation ${formatBytes(cache)}, work ${formatBytes(activations)}`
  return `${formatBytes(total)} (${parts})`
}

function describeTemplate({ chatTemplate, switchableThinking }: ModelInfo): string {
  if (chatTemplate === undefined) return 'none (use "laju run --raw")'
  const thinking = switchableThinking ? 'thinking can be switched on and off' : 'thinking cannot be switched'
  return `${grouped(chatTemplate.length)} characters; ${thinking}`
}
