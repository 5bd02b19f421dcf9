// A page's own program, for the bundlers: it imports the engine by its name.
import { load } from '@laju/engine'

globalThis.ask = async (question, url) => {
  const model = await load(await (await fetch(url)).blob())
  const { text } = await model.ask(question, { temperature: 0 })
  await model.dispose()
  return text
}
