import { spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { WorkerThread } from '#machine/worker'
import { AbortError, CheckpointError, EngineError, OptionError } from '../errors.ts'
import { sharedData } from '../testing/shared-data.ts'
import { withChatTemplate } from '../testing/with-chat-template.ts'
import { EngineThread } from './engine-thread.ts'
import { load } from './model.ts'

const model = sharedData('refmodels/qwen3/qwen3.f32.gguf')
const path = model ?? ''
const options = { contextLength: 256 } as const
const long = { temperature: 0, maxTokens: 240 } as const

/** The code runs in a fresh process; its output, and whether it ended by itself. */
function runProcess(code: string): Promise<{ output: string; exitCode: number | null }> {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', code], { timeout: 20_000 })
  let output = ''
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString()
  })
  child.stderr.on('data', (data: Buffer) => {
    output += data.toString()
  })
  return new Promise((resolve) => child.on('close', (exitCode) => resolve({ output, exitCode })))
}

describe.skipIf(!model)('Model', () => {
  it('loads, answers in parts and as a whole, and is disposed twice', async () => {
    const model = await load(path, options)
    const generation = model.complete('hello', { temperature: 0, maxTokens: 5 })
    let text = ''
    for await (const part of generation) if (part.type === 'text-delta') text += part.text
    expect((await generation.reply).text).toBe(text)
    const { logits } = await model.forward([1, 2, 3])
    expect(logits.length).toBe(3 * model.info.vocabulary)
    expect(await model.detokenize(await model.tokenize('hello'))).toBe('hello')
    await model.dispose()
    await model.dispose()
    await expect(model.forward([1])).rejects.toMatchObject({ code: 'disposed' })
  })

  it('reports progress up to the whole', async () => {
    const progress: { loaded: number; total: number }[] = []
    await using _model = await load(path, { ...options, onProgress: (event) => progress.push(event) })
    expect(progress.at(-1)?.loaded).toBe(progress.at(-1)?.total)
  })

  it('ends what is under way with a typed error when it is disposed', async () => {
    const model = await load(path, options)
    const reply = model.complete('hello', long).reply
    await model.dispose()
    await expect(reply).rejects.toMatchObject({ code: 'disposed' })
  })

  it('goes on after an abort, and after a loop that was left', async () => {
    await using model = await load(path, options)
    const controller = new AbortController()
    const generation = model.complete('hello', { ...long, signal: controller.signal })
    const consumed = (async () => {
      for await (const _part of generation) controller.abort()
    })()
    await expect(consumed).rejects.toThrow(AbortError)
    const left = model.complete('hello', long)
    for await (const _part of left) break
    await expect(left.reply).rejects.toThrow(AbortError)
    await expect(model.complete('hello', { maxTokens: 2 }).reply).resolves.toBeDefined()
    await expect(load(path, { ...options, signal: AbortSignal.abort() })).rejects.toThrow(AbortError)
  })

  it('reports a worker that dies in mid-step', async () => {
    const worker = WorkerThread.start('engine')
    const thread = new EngineThread(worker)
    await thread.call('load', { path, options })
    const request = { prompt: { text: 'hello' }, conversation: undefined, options: long }
    const started = Promise.withResolvers<void>()
    const reply = thread.call('reply', request, { onEvent: () => started.resolve() })
    await started.promise
    await worker.end()
    await expect(reply).rejects.toThrow(EngineError)
    await expect(thread.call('detokenize', { ids: Int32Array.of(1) })).rejects.toMatchObject({ code: 'worker-failed' })
  })

  it('offers functions to the model, and refuses where it has no form for calls', async () => {
    const chatml = "{% for m in messages %}{{ '<|im_start|>' + m.role + m.content }}{% endfor %}"
    const calls = '{% for c in m.tool_calls or [] %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}'
    const template = chatml.replace('{% endfor %}', `${calls}{% endfor %}{{ tools | tojson if tools }}`)
    const tools = { weather: { description: 'd', execute: () => 'rain' } }
    await using model = await load(withChatTemplate(path, template), options)
    const short = { temperature: 0, maxTokens: 3 } as const
    const [plain, offered] = [await model.ask('Hi', short), await model.ask('Hi', { ...short, tools })]
    expect(offered.usage.inputTokens).toBeGreaterThan(plain.usage.inputTokens + 20)
    await using without = await load(withChatTemplate(path, chatml), options)
    await expect(without.ask('Hi', { tools })).rejects.toThrow(OptionError)
  })

  it('computes turns ahead of the reply, and counts their tokens', async () => {
    const chatml = "{% for m in messages %}{{ '<|im_start|>' + m.role + m.content }}{% endfor %}"
    await using model = await load(withChatTemplate(path, chatml), options)
    const text = 'hello world '.repeat(20)
    const short = { temperature: 0, maxTokens: 3 } as const
    const expected = await model.ask(text, short)
    expect(await model.countTokens(text)).toBe(expected.usage.inputTokens)
    const conversation = model.conversation(short)
    expect(await conversation.countTokens(text)).toBe(expected.usage.inputTokens)
    await conversation.append(text)
    expect(await conversation.countTokens()).toBe(expected.usage.inputTokens)
    const { text: reply, usage } = await conversation.send([]).reply
    expect(reply).toBe(expected.text)
    expect(usage.cachedTokens).toBe(usage.inputTokens - 1)
    const signal = AbortSignal.abort()
    await expect(conversation.append('more', { signal })).rejects.toThrow(AbortError)
    expect(conversation.messages).toHaveLength(2)
  })

  it('refuses what cannot be sent to its thread', async () => {
    const { openAsBlob } = await import('node:fs')
    await expect(load(await openAsBlob(path))).rejects.toMatchObject({
      code: 'invalid-option',
      remedy: expect.stringContaining('path'),
    })
  })

  it('carries typed errors out of the worker', async () => {
    const error = await load('/no/such/model.gguf').catch((error: unknown) => error)
    expect(error).toBeInstanceOf(CheckpointError)
    expect(error).toMatchObject({ code: 'not-found', file: '/no/such/model.gguf' })
  })

  it('does not keep a process alive, disposed or not', async () => {
    const source = new URL('../index.ts', import.meta.url).href
    const { output, exitCode } = await runProcess(`
      import { load } from '${source}'
      const model = await load('${path}', ${JSON.stringify(options)})
      console.log((await model.complete('hello', { maxTokens: 3 }).reply).usage.outputTokens)
      const controller = new AbortController()
      const aborted = model.complete('hello', { maxTokens: 200, signal: controller.signal }).reply
      controller.abort()
      console.log(await aborted.catch((error) => error.name))
    `)
    expect(output).toBe('3\nAbortError\n')
    expect(exitCode).toBe(0)
  })
})
