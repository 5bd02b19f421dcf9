import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AnswerPart, ToolCallSplitter } from './tool-call-splitter.ts'
import { TOOL_FORMS } from './tool-forms.ts'

type FormName = (typeof TOOL_FORMS)[number]['name']

function split(name: FormName, pieces: readonly string[]): AnswerPart[] {
  const form = TOOL_FORMS.find((each) => each.name === name)
  if (!form) throw new Error(name)
  const splitter = new ToolCallSplitter(form)
  const parts = [...pieces.flatMap((piece) => splitter.push(piece)), ...splitter.flush()]
  return joined(parts)
}

/** Neighbouring texts as one. */
function joined(parts: readonly AnswerPart[]): AnswerPart[] {
  const all: AnswerPart[] = []
  for (const part of parts) {
    const last = all.at(-1)
    if (part.type === 'text-delta' && last?.type === 'text-delta') all[all.length - 1] = text(last.text + part.text)
    else all.push(part)
  }
  return all
}

const text = (text: string): AnswerPart => ({ type: 'text-delta', text })
const call = (number: number, name: string, input: Record<string, string | number>): AnswerPart => ({
  type: 'tool-call',
  id: `call0000${number}`,
  name,
  input,
})
const broken = (number: number, name: string, input: string): AnswerPart => ({
  type: 'tool-call',
  id: `call0000${number}`,
  name,
  input,
  invalid: expect.any(String) as string,
})

const oslo = { city: 'Oslo' }
const HERMES_OSLO = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
const LLAMA_OSLO = '{"name": "weather", "parameters": {"city": "Oslo"}}'
const V3_OSLO = '<｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n{"city": "Oslo"}\n```<｜tool▁call▁end｜>'
const V31_OSLO = '<｜tool▁call▁begin｜>weather<｜tool▁sep｜>{"city": "Oslo"}<｜tool▁call▁end｜>'
const [CALLS, CALLS_END] = ['<｜tool▁calls▁begin｜>', '<｜tool▁calls▁end｜>']

describe('ToolCallSplitter', () => {
  it.each<[FormName, string, AnswerPart[]]>([
    ['hermes', 'just text\n', [text('just text\n')]],
    ['hermes', HERMES_OSLO, [call(0, 'weather', oslo)]],
    [
      'hermes',
      `Let me see.\n\n${HERMES_OSLO}\n${HERMES_OSLO}\n`,
      [text('Let me see.'), call(0, 'weather', oslo), call(1, 'weather', oslo)],
    ],
    ['hermes', `${HERMES_OSLO}\nDone.`, [call(0, 'weather', oslo), text('Done.')]],
    ['hermes', '<tool_call>{"name": "now"}</tool_call>', [call(0, 'now', {})]],
    ['hermes', '<tool_call>{"name": "a", "arguments": "{\\"n\\": 1}"}</tool_call>', [call(0, 'a', { n: 1 })]],
    [
      'hermes',
      '<tool_call>{"name": "a", "arguments": {"x": "</tool_call>"}}</tool_call>',
      [call(0, 'a', { x: '</tool_call>' })],
    ],
    ['hermes', '<tool_call>{"name": "a", "arguments": {}}', [call(0, 'a', {})]],
    [
      'hermes',
      `<tool_call>{"name": "a", "arguments": {}}\n${HERMES_OSLO}`,
      [call(0, 'a', {}), call(1, 'weather', oslo)],
    ],
    ['hermes', '<tool_call>{"name": "a", "argum', [broken(0, 'a', '<tool_call>{"name": "a", "argum')]],
    ['hermes', '<tool_call>', [broken(0, '', '<tool_call>')]],
    ['hermes', '<tool_call>a(1)</tool_call> ok', [broken(0, '', '<tool_call>a(1)</tool_call>'), text('ok')]],
    [
      'hermes',
      '<tool_call>{"name": "a", "x}</tool_call> ok',
      [broken(0, 'a', '<tool_call>{"name": "a", "x}</tool_call>'), text('ok')],
    ],
    [
      'hermes',
      '<tool_call>{"name": "a", "arguments": [1]}</tool_call>',
      [broken(0, 'a', '<tool_call>{"name": "a", "arguments": [1]}</tool_call>')],
    ],
    ['hermes', 'a <tool_cal', [text('a <tool_cal')]],
    ['hermes', LLAMA_OSLO, [text(LLAMA_OSLO)]],

    ['llama', LLAMA_OSLO, [call(0, 'weather', oslo)]],
    ['llama', `\n<|python_tag|>${LLAMA_OSLO}`, [call(0, 'weather', oslo)]],
    ['llama', `${LLAMA_OSLO}; ${LLAMA_OSLO}`, [call(0, 'weather', oslo), call(1, 'weather', oslo)]],
    ['llama', `I will. <|python_tag|>${LLAMA_OSLO}`, [text('I will.'), call(0, 'weather', oslo)]],
    ['llama', '{"type": "function", "name": "weather", "parameters": {"city": "Oslo"}}', [call(0, 'weather', oslo)]],
    ['llama', '{"answer": 42} is it', [text('{"answer": 42} is it')]],
    ['llama', ' {"name": "Bob", "age": 3}', [text(' {"name": "Bob", "age": 3}')]],
    ['llama', '{"name": "Bob"}', [text('{"name": "Bob"}')]],
    ['llama', '{"name": "Bob", "ag', [text('{"name": "Bob", "ag')]],
    ['llama', '{"na', [text('{"na')]],
    ['llama', '{"name": "weather", "para', [broken(0, 'weather', '{"name": "weather", "para')]],
    ['llama', '<|python_tag|>web.call(query="x")', [broken(0, 'web', '<|python_tag|>web.call(query="x")')]],
    ['llama', `Sure: ${LLAMA_OSLO}`, [text(`Sure: ${LLAMA_OSLO}`)]],

    ['deepseek', `${CALLS}${V3_OSLO}${CALLS_END}`, [call(0, 'weather', oslo)]],
    ['deepseek', `${CALLS}${V3_OSLO}\n${V3_OSLO}${CALLS_END}`, [call(0, 'weather', oslo), call(1, 'weather', oslo)]],
    [
      'deepseek',
      `Yes.\n${CALLS}${V31_OSLO}${V31_OSLO}${CALLS_END}`,
      [text('Yes.'), call(0, 'weather', oslo), call(1, 'weather', oslo)],
    ],
    ['deepseek', V31_OSLO, [call(0, 'weather', oslo)]],
    [
      'deepseek',
      `${CALLS}<｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n\`\`\`json\n{"ci`,
      [broken(0, 'weather', '<｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n{"ci')],
    ],
    ['deepseek', `${CALLS}<｜tool▁call▁begin｜>weather${CALLS_END}`, [broken(0, '', '<｜tool▁call▁begin｜>weather')]],
  ])('reads %s: %j', (form, reply, parts) => {
    expect(split(form, [reply])).toEqual(parts)
    expect(split(form, [...reply])).toEqual(parts)
  })

  it('tells a call as soon as it is whole, and text as soon as it cannot become one', () => {
    const splitter = new ToolCallSplitter(TOOL_FORMS[0], 3)
    expect(splitter.push('Hi <b>, ')).toEqual([text('Hi <b>,')])
    expect(splitter.push('<tool')).toEqual([])
    expect(splitter.push('s> <tool_')).toEqual([text(' <tools>')])
    expect(splitter.push('call>{"name": "a", "arguments": {}}</tool_cal')).toEqual([])
    expect(splitter.push('l>')).toEqual([call(3, 'a', {})])
    const llama = new ToolCallSplitter(TOOL_FORMS[2])
    expect(llama.push('{"name": "Bob", "a')).toEqual([])
    expect(llama.push('ge')).toEqual([text('{"name": "Bob", "age')])
  })

  it.each(['hermes', 'llama', 'deepseek'] as const)('reads back whatever calls and text were written: %s', (name) => {
    const plain = fc.stringMatching(/^[a-zé😀.!]([a-z ,\n😀]{0,10}[a-z.])?$/u)
    const calls = fc.record({
      name: fc.stringMatching(/^[a-z_]{1,8}$/),
      input: fc.dictionary(fc.string(), fc.jsonValue()),
    })
    fc.assert(
      fc.property(plain, fc.array(calls, { minLength: 1, maxLength: 3 }), cuts, (lead, written, sizes) => {
        const reply = write(name, lead, written)
        const parts = split(name, cut(reply, sizes))
        const expected = written.map((each, i) => ({
          type: 'tool-call',
          id: `call0000${i}`,
          ...JSON.parse(JSON.stringify(each)),
        }))
        expect(parts).toEqual([text(lead), ...expected])
      }),
      { numRuns: 1000 },
    )
  })

  it.each(['hermes', 'llama', 'deepseek'] as const)(
    'gives the same parts for any cut, and shows no tag: %s',
    (name) => {
      const form = TOOL_FORMS.find((each) => each.name === name)
      const tags = [form?.open ?? '', form?.close ?? '', ...(form?.section ?? []), '<｜tool▁sep｜>']
      const word = fc.constantFrom(
        ...tags,
        HERMES_OSLO,
        LLAMA_OSLO,
        V3_OSLO,
        '{"name": "',
        '{',
        '}',
        '"',
        '\\',
        '<',
        '<|',
        '\n',
        ' ',
        'a',
        '"parameters": {',
        '```',
        ';',
        '😀',
      )
      fc.assert(
        fc.property(fc.array(word, { maxLength: 12 }), cuts, (words, sizes) => {
          const reply = words.join('')
          const parts = split(name, cut(reply, sizes))
          expect(parts).toEqual(split(name, [reply]))
          for (const part of parts) if (part.type === 'text-delta') expect(part.text).not.toContain(form?.open)
        }),
        { numRuns: 3000 },
      )
    },
  )

  it('reads a long broken call in linear time', () => {
    const splitter = new ToolCallSplitter(TOOL_FORMS[0])
    splitter.push('<tool_call>{"name": "a", "arguments": "')
    for (let i = 0; i < 20_000; i++) splitter.push('word <')
    expect(splitter.flush()).toHaveLength(1)
  })
})

const cuts = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 6 })

function cut(reply: string, sizes: readonly number[]): string[] {
  const pieces: string[] = []
  const characters = [...reply]
  for (let at = 0, i = 0; at < characters.length; i++) {
    const size = sizes[i % sizes.length]
    pieces.push(characters.slice(at, at + size).join(''))
    at += size
  }
  return pieces
}

function write(form: FormName, lead: string, calls: readonly { name: string; input: unknown }[]): string {
  const json = calls.map(({ name, input }) => [name, JSON.stringify(input)])
  if (form === 'hermes') {
    return `${lead}\n${json.map(([name, input]) => `<tool_call>\n{"name": "${name}", "arguments": ${input}}\n</tool_call>`).join('\n')}`
  }
  if (form === 'llama') {
    return `${lead}<|python_tag|>${json.map(([name, input]) => `{"name": "${name}", "parameters": ${input}}`).join('; ')}`
  }
  const fenced = json.map(
    ([name, input]) =>
      `<｜tool▁call▁begin｜>function<｜tool▁sep｜>${name}\n\`\`\`json\n${input}\n\`\`\`<｜tool▁call▁end｜>`,
  )
  return `${lead}${CALLS}${fenced.join('\n')}${CALLS_END}`
}
