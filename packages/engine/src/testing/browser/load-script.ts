import { listDownloads, load, type SourceOptions } from '../../index.ts'

/** Loads a model by its name in a page, and has it go on from a text. */
export default async function ({ name, options }: { name: string; options: SourceOptions }) {
  const stages = new Set<string>()
  const model = await load(name, { ...options, onProgress: ({ stage }) => stages.add(stage) })
  const { text } = await model.complete('Once upon a time', { maxTokens: 20, temperature: 0 }).reply
  await model.dispose()
  const stored = (await listDownloads()).map((download) => download.name)
  return { name: model.info.name, text, stages: [...stages], stored }
}
