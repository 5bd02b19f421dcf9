import { languageModel } from '../../prompt-api/language-model.ts'

/** A page written for the browser's built-in model. */
export default async function (url: string) {
  const LanguageModel = languageModel(url, { reply: { temperature: 0 } })
  const parts: number[] = []
  const session = await LanguageModel.create({
    monitor: (target) =>
      target.addEventListener('downloadprogress', (event) => parts.push((event as ProgressEvent).loaded)),
  })
  const pieces: string[] = []
  const stream = session.promptStreaming('What is 12 + 30?')
  const reader = stream.getReader()
  for (let next = await reader.read(); !next.done; next = await reader.read()) pieces.push(next.value)
  const refused = await session.prompt('x', { responseConstraint: /x/ }).catch(({ name }) => name)
  const availability = await LanguageModel.availability()
  session.destroy()
  return { text: pieces.join(''), pieces: pieces.length, last: parts.at(-1), refused, availability }
}
