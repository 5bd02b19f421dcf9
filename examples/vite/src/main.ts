import { load } from '@laju/engine'
import nano from '@laju/nano/nano-q8_0.gguf?url'

function part<Element extends HTMLElement>(selector: string): Element {
  const found = document.querySelector<Element>(selector)
  if (!found) throw new Error(`The page has no ${selector}.`)
  return found
}

const form = part<HTMLFormElement>('form')
const button = part<HTMLButtonElement>('button')
const status = part('[role=status]')
const output = part<HTMLOutputElement>('output')

const model = await load(new URL(nano, location.href).href)
status.textContent = `${model.info.name}, ${model.info.threads} threads. ${model.info.notices.join(' ')}`
button.disabled = false

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  button.disabled = true
  output.textContent = ''
  const question = String(new FormData(form).get('question'))
  for await (const reply of model.generate(question)) {
    if (reply.type === 'text-delta') output.append(reply.text)
  }
  button.disabled = false
})
