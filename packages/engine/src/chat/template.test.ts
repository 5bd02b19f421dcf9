import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { OptionError, TemplateError } from '../errors.ts'
import { sharedData } from '../testing/shared-data.ts'
import { JinjaTemplate, TemplateRefusal } from './jinja.ts'
import type { Message } from './message.ts'
import { ChatTemplate } from './template.ts'
import { chatTemplateFor } from './template-fallback.ts'
import type { ToolDefinition } from './tools.ts'

const SPECIAL = new Map([
  ['bos_token', '<BOS>'],
  ['eos_token', '<EOS>'],
])
const HI: Message[] = [{ role: 'user', content: 'Hi' }]
const THINKS = `{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}
{%- if add_generation_prompt %}[assistant]{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}`
const OPENS = "{{ messages[0].content }}|{{ '<think>\n' }}"
const MENTIONS = "{{ messages[0].content.split('</think>')[-1] }}|"

const WEATHER: ToolDefinition = {
  name: 'get_weather',
  description: 'Get the weather for a city.',
  parameters: {
    type: 'object',
    properties: {
      city: { type: 'string', description: 'City name' },
      days: { type: 'integer', description: 'Days ahead' },
    },
    required: ['city'],
  },
}

const template = (source: string) => new ChatTemplate(source, SPECIAL, 'model.gguf')

describe('ChatTemplate', () => {
  it('gives messages, special tokens and further variables to the template', () => {
    expect(template(THINKS).render(HI)).toBe('<BOS>[user]Hi[assistant]')
    expect(template(THINKS).render(HI, { addGenerationPrompt: false })).toBe('<BOS>[user]Hi')
    expect(template('{{ name }}').render(HI, { variables: { name: 'x' } })).toBe('x')
    const source = '{{ messages[0].reasoning_content is defined }}{{ messages[1].reasoning_content }}'
    const turns: Message[] = [...HI, { role: 'assistant', content: 'a', reasoning: 'why' }]
    expect(template(source).render(turns)).toBe('Falsewhy')
  })

  it('finds out how the template has the model think', () => {
    const tags = { open: '<think>', close: '</think>' }
    expect(template(THINKS).thinking).toEqual({ tags, afterClose: '\n\n', switchable: true })
    expect(template(OPENS).thinking).toEqual({ tags, afterClose: '\n\n', switchable: false })
    expect(template('{{ messages[0].content }}').thinking).toBeUndefined()
  })

  it('switches thinking through the variable the template reads', () => {
    const granite = template('{% if thinking %}<think>{% else %}plain{% endif %}')
    expect(granite.prompt(HI, { thinking: true })).toEqual({ text: '<think>', insideThought: true })
    expect(granite.prompt(HI, { thinking: false })).toEqual({ text: 'plain', insideThought: false })
  })

  it('knows whether the prompt opens the thought', () => {
    expect(template(OPENS).prompt(HI)).toEqual({ text: 'Hi|<think>\n', insideThought: true })
    expect(template(THINKS).prompt(HI, { thinking: true }).insideThought).toBe(false)
    const typed = template('{{ messages[0].content }}').prompt([{ role: 'user', content: '<think>' }])
    expect(typed.insideThought).toBe(false)
  })

  it('puts an empty thought into the prompt of a model without a switch', () => {
    const off = { thinking: false }
    expect(template(THINKS).prompt(HI, off).text).toBe('<BOS>[user]Hi[assistant]<think>\n\n</think>\n\n')
    expect(template(OPENS).prompt(HI, off)).toEqual({ text: 'Hi|<think>\n\n</think>\n\n', insideThought: false })
    expect(template(MENTIONS).prompt(HI, off)).toEqual({ text: 'Hi|<think>\n\n</think>\n\n', insideThought: false })
    expect(template('{{ messages[0].content }}|').prompt(HI, off)).toEqual({ text: 'Hi|', insideThought: false })
  })

  it('says which file is at fault and what the template itself says', () => {
    const refuses = template('{{ raise_exception("System role not supported") }}')
    const failure = () => refuses.render(HI)
    expect(failure).toThrow(TemplateError)
    expect(failure).toThrow('The chat template of model.gguf refuses these messages: System role not supported.')
    expect(() => template('{% if %}')).toThrow('The chat template of model.gguf cannot be parsed')
    expect(() => template('{{ messages | nonsense }}').render(HI)).toThrow('cannot be rendered')
    try {
      failure()
    } catch (error) {
      expect(error).toMatchObject({ file: 'model.gguf', field: 'chat_template', code: 'template-failed' })
      expect((error as TemplateError).remedy).toMatch(/raw prompt/)
    }
  })
})

describe('chatTemplateFor', () => {
  const tokenizer = (...known: string[]) => ({
    idOf: (token: string) => (known.includes(token) ? 1 : undefined),
    specialTokens: SPECIAL,
  })

  it('falls back to ChatML where the vocabulary has it', () => {
    const chatml = chatTemplateFor(undefined, tokenizer('<|im_start|>', '<|im_end|>'), 'm')
    expect(chatml.render([{ role: 'system', content: 'S' }, ...HI])).toBe(
      '<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
    )
    expect(chatTemplateFor('own', tokenizer('<|im_start|>', '<|im_end|>'), 'm').render(HI)).toBe('own')
  })

  it('otherwise says that the checkpoint takes raw prompts only', () => {
    expect(() => chatTemplateFor(undefined, tokenizer('<|im_start|>'), 'm')).toThrow(TemplateError)
    expect(() => chatTemplateFor(undefined, tokenizer(), 'm')).toThrow('m has no chat template')
  })
})

/** Rendered by jinja2 3.1.6 as transformers sets it up. */
interface Golden {
  conversations: Record<string, Record<string, unknown> & { messages: Message[] }>
  templates: Record<string, Record<string, { text?: string; error?: string }>>
}

/** Of the golden templates, the one whose source is not among the test data. */
const MISSING = 'hunyuan-a13b/tokenizer_config.json#chat_template'
const QWEN3 = 'llama.cpp/templates/Qwen-Qwen3-0.6B.jinja'
const QWQ = 'llama.cpp/templates/Qwen-QwQ-32B.jinja'
const R1_LLAMA = 'llama.cpp/templates/deepseek-ai-DeepSeek-R1-Distill-Llama-8B.jinja'

const goldenFile = sharedData('tokenizers/golden/chat_templates.json')

describe.skipIf(goldenFile === undefined)('templates of real checkpoints', () => {
  const golden: Golden =
    goldenFile === undefined
      ? { conversations: {}, templates: {} }
      : (JSON.parse(readFileSync(goldenFile, 'utf8')) as Golden)

  it.each(Object.keys(golden.templates).filter((name) => name !== MISSING))('%s renders as jinja2 does', (name) => {
    const source = sourceOf(name)
    for (const [scenario, expected] of Object.entries(golden.templates[name])) {
      const render = () =>
        new JinjaTemplate(source).render(
          { ...Object.fromEntries(SPECIAL), ...golden.conversations[scenario] },
          { now: new Date(2025, 6, 1, 12) },
        )
      const refusal = /^TemplateError: (.*)/.exec(expected.error ?? '')?.[1]
      if (refusal !== undefined) expect(render, scenario).toThrow(new TemplateRefusal(refusal))
      else if (expected.text === undefined) expect(render, scenario).toThrow()
      else expect(render(), scenario).toBe(expected.text)
    }
  })

  it('switches Qwen3 as jinja2 does', () => {
    const qwen3 = template(sourceOf(QWEN3))
    const { thinking, 'no-thinking': off } = golden.templates[QWEN3]
    expect(qwen3.prompt(HI, { thinking: true })).toEqual({ text: thinking.text, insideThought: false })
    expect(qwen3.prompt(HI, { thinking: false })).toEqual({ text: off.text, insideThought: false })
    expect(qwen3.thinking).toMatchObject({ switchable: true, afterClose: '\n\n' })
  })

  it.each([QWQ, R1_LLAMA])('knows that %s opens the thought, and how to shut it', (name) => {
    const opening = template(sourceOf(name))
    const { text, insideThought } = opening.prompt(HI, { thinking: true })
    expect([insideThought, text.endsWith('<think>\n')]).toEqual([true, true])
    const shut = opening.prompt(HI, { thinking: false })
    expect([shut.insideThought, shut.text.trimEnd().endsWith('</think>')]).toEqual([false, true])
  })

  it.each<[string, string, object]>([
    [QWEN3, 'hermes', {}],
    ['llama.cpp/templates/Qwen-Qwen2.5-7B-Instruct.jinja', 'hermes', {}],
    [QWQ, 'hermes', {}],
    ['llama.cpp/templates/NousResearch-Hermes-3-Llama-3.1-8B-tool_use.jinja', 'hermes', {}],
    ['llama.cpp/templates/meta-llama-Llama-3.1-8B-Instruct.jinja', 'llama', {}],
    ['llama.cpp/templates/meta-llama-Llama-3.2-3B-Instruct.jinja', 'llama', {}],
    ['vllm-templates/tool_chat_template_llama3.1_json.jinja', 'llama', {}],
    ['vllm-templates/tool_chat_template_deepseekv3.jinja', 'deepseek', {}],
    ['vllm-templates/tool_chat_template_deepseekr1.jinja', 'deepseek', {}],
    ['llama.cpp/templates/deepseek-ai-DeepSeek-V3.1.jinja', 'deepseek', { definitions: false }],
    [R1_LLAMA, 'deepseek', { definitions: false, withoutContent: true, asText: true }],
  ])('reads back from %s how it writes calls', (name, form, style) => {
    const { form: found, ...others } = template(sourceOf(name)).toolStyle ?? {}
    expect(found?.name).toBe(form)
    expect(others).toEqual({ definitions: true, withoutContent: false, asText: false, ...style })
  })

  it.each(['llama.cpp/templates/google-gemma-2-2b-it.jinja', 'llama.cpp/templates/Qwen3-Coder.jinja'])(
    'refuses functions where calls cannot be read: %s',
    (name) => expect(() => template(sourceOf(name)).render(HI, { tools: [WEATHER] })).toThrow(OptionError),
  )

  it('gives tools, calls and results in the shape of transformers', () => {
    const { messages: shown } = golden.conversations['tool-round']
    const messages: Message[] = [
      shown[0],
      {
        role: 'assistant',
        content: '',
        toolCalls: [{ id: 'call_001xyz', name: 'get_weather', input: { city: 'Oslo', days: 2 } }],
      },
      { role: 'tool', content: '{"t": 3}', toolCallId: 'call_001xyz', toolName: 'get_weather' },
    ]
    let compared = 0
    for (const [name, { tools, 'tool-round': round }] of Object.entries(golden.templates)) {
      if (name === MISSING) continue
      const chat = template(sourceOf(name))
      if (!chat.toolStyle?.definitions) continue
      compared++
      const options = { tools: [WEATHER], now: new Date(2025, 6, 1, 12) }
      expect(chat.render([shown[0]], options), name).toBe(tools.text)
      expect(chat.render(messages, options), name).toBe(round.text)
    }
    expect(compared).toBe(19)
  })

  it('describes the functions itself where a template of calls does not, and splits what it cannot join', () => {
    const r1 = template(sourceOf(R1_LLAMA))
    const told = r1.render(HI, { tools: [WEATHER] })
    expect(told).toContain('"get_weather"')
    expect(told).toContain('<｜tool▁sep｜>FUNCTION_NAME')
    expect(r1.render([{ role: 'system', content: 'Be brief.' }, ...HI], { tools: [WEATHER] })).toContain(
      'Be brief.\n\nYou can',
    )
    const toolCalls = [{ id: 'call00000', name: 'get_weather', input: { city: 'Oslo' } }]
    const text = r1.render([...HI, { role: 'assistant', content: 'Let me see.', toolCalls }])
    expect(text).toContain('<｜Assistant｜>Let me see.<')
    expect(text).toContain('<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{"city":"Oslo"}\n```')
  })

  it('gives a call that could not be read back as the text it was', () => {
    const input = '<tool_call>\n{"name": oops}\n</tool_call>'
    const toolCalls = [{ id: 'call00000', name: '', input, invalid: 'it is not a JSON object' }]
    const answered: Message[] = [
      ...HI,
      { role: 'assistant', content: '', toolCalls },
      { role: 'tool', content: 'Error: x' },
    ]
    expect(template(sourceOf(QWEN3)).render(answered)).toContain(`<|im_start|>assistant\n${input}<|im_end|>`)
  })

  it('writes the history the same from reasoning beside the answer as from tags in it', () => {
    const qwen3 = template(sourceOf(QWEN3))
    const { messages } = golden.conversations['think-history']
    const [question, , next] = messages
    const split = [question, { role: 'assistant', content: '2', reasoning: 'add' } as const, next]
    expect(qwen3.render(split)).toBe(golden.templates[QWEN3]['think-history'].text)
  })
})

function sourceOf(name: string): string {
  const [file, key] = name.split('#')
  const found = sharedData(`tokenizers/${file}`)
  if (found === undefined) throw new Error(`${file} is missing beside the golden file.`)
  const text = readFileSync(found, 'utf8')
  return key === undefined ? text : (JSON.parse(text) as Record<string, string>)[key]
}
