import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The part of node-llama-cpp's interface used here. */
interface NodeLlamaCpp {
  getLlama(options: { gpu: false; build: 'never'; maxThreads: number; logLevel: string }): Promise<Llama>
}

interface Llama {
  readonly llamaCppRelease: { readonly release: string }
  readonly systemInfo: string
  loadModel(options: { modelPath: string }): Promise<LlamaModel>
  dispose(): Promise<void>
}

interface LlamaModel {
  readonly fileInfo: {
    readonly metadata: { readonly tokenizer: { readonly ggml: { readonly tokens: readonly string[] } } }
  }
  tokenize(text: string, specialTokens?: boolean): number[]
  isEogToken(token: number): boolean
  createContext(options: {
    contextSize: number
    threads: number
    flashAttention: boolean
  }): Promise<{ getSequence(): LlamaSequence }>
}

interface LlamaSequence {
  readonly nextTokenIndex: number
  clearHistory(): Promise<void>
  eraseContextTokenRanges(ranges: readonly { start: number; end: number }[]): Promise<void>
  evaluate(tokens: readonly number[], options: { temperature: number; yieldEogToken?: boolean }): AsyncIterable<number>
  evaluateWithoutGeneratingNewTokens(tokens: readonly number[]): Promise<void>
  evaluateWithMetadata(
    tokens: readonly number[],
    metadata: { probabilities: true },
    options: { temperature: number; yieldEogToken: boolean },
  ): AsyncIterable<{ token: number; probabilities: ReadonlyMap<number, number> }>
}

/**
 * llama.cpp on the CPU, through the npm package node-llama-cpp, which is no dependency of ours.
 * @param folder where the package is installed
 */
export async function openLlama(checkpoint: string, folder: string, { threads = 1, contextSize = 512 } = {}) {
  const home = join(resolve(folder), 'node_modules', 'node-llama-cpp')
  const { version } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { version: string }
  const entry = pathToFileURL(join(home, 'dist', 'index.js')).href
  const { getLlama } = (await import(entry)) as NodeLlamaCpp
  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, logLevel: 'error' })
  const model = await llama.loadModel({ modelPath: resolve(checkpoint) })
  const context = await model.createContext({ contextSize, threads, flashAttention: true })
  return {
    description: `node-llama-cpp ${version}, llama.cpp ${llama.llamaCppRelease.release} (${features(llama.systemInfo)})`,
    model,
    vocabulary: model.fileInfo.metadata.tokenizer.ggml.tokens.length,
    sequence: context.getSequence(),
    dispose: () => llama.dispose(),
  }
}

/** `AVX2 = 1 | AVX512 = 1 | …` as plain names. */
function features(systemInfo: string): string {
  return [...systemInfo.matchAll(/(\w+) = 1/g)].map(([, name]) => name).join(' ')
}
