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
  tokenize(text: string, specialTokens?: boolean): number[]
  isEogToken(token: number): boolean
  createContext(options: { contextSize: number; threads: number }): Promise<{ getSequence(): LlamaSequence }>
}

interface LlamaSequence {
  clearHistory(): Promise<void>
  evaluate(tokens: readonly number[], options: { temperature: number }): AsyncIterable<number>
  evaluateWithMetadata(
    tokens: readonly number[],
    metadata: { probabilities: true },
    options: { temperature: number; yieldEogToken: boolean },
  ): AsyncIterable<{ token: number; probabilities: ReadonlyMap<number, number> }>
}

/**
 * llama.cpp on one CPU thread, through the npm package node-llama-cpp, which is no dependency of ours.
 * @param folder where the package is installed
 */
export async function openLlama(checkpoint: string, folder: string) {
  const home = join(resolve(folder), 'node_modules', 'node-llama-cpp')
  const { version } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { version: string }
  const entry = pathToFileURL(join(home, 'dist', 'index.js')).href
  const { getLlama } = (await import(entry)) as NodeLlamaCpp
  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: 'error' })
  const model = await llama.loadModel({ modelPath: resolve(checkpoint) })
  const context = await model.createContext({ contextSize: 512, threads: 1 })
  return {
    description: `node-llama-cpp ${version}, llama.cpp ${llama.llamaCppRelease.release} (${features(llama.systemInfo)})`,
    model,
    sequence: context.getSequence(),
    dispose: () => llama.dispose(),
  }
}

/** `AVX2 = 1 | AVX512 = 1 | …` as plain names. */
function features(systemInfo: string): string {
  return [...systemInfo.matchAll(/(\w+) = 1/g)].map(([, name]) => name).join(' ')
}
