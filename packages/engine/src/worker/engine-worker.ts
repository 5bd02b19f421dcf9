import { parentPort } from 'node:worker_threads'
import { quantizeFile } from '../convert/quantize-file.ts'
import { EngineError } from '../errors.ts'
import { CeilingGauge } from './ceilings.ts'
import { Engine } from './engine.ts'
import type { Calls, FromWorker, ToWorker } from './messages.ts'
import { serializeError } from './serialized-error.ts'

/*
 * The engine's thread: one model, which answers the calls of messages.ts until it is ended from outside; or one file
 * that is written.
 */

if (!parentPort) throw new Error('engine-worker runs as a worker thread only')
const port = parentPort
const running = new Map<number, AbortController>()
let engine: Engine | undefined
let gauge: CeilingGauge | undefined

type Call = Exclude<ToWorker, { abort: number }>

port.on('message', (message: ToWorker) => {
  if ('abort' in message) running.get(message.abort)?.abort()
  else void answer(message)
})

async function answer(message: Call): Promise<void> {
  const { id } = message
  const controller = new AbortController()
  running.set(id, controller)
  try {
    post({ id, result: await perform(message, controller.signal) })
  } catch (error) {
    post({ id, error: serializeError(error) })
  } finally {
    running.delete(id)
  }
}

async function perform(message: Call, signal: AbortSignal): Promise<Calls[Call['call']]['result']> {
  const emit = (event: unknown, transfer: ArrayBuffer[] = []) => post({ id: message.id, event }, transfer)
  if (message.call === 'load') {
    const { path, options } = message.request
    engine = await Engine.load(path, options, { signal, onProgress: emit })
    return engine.info
  }
  if (message.call === 'quantize') {
    const { path, output, type } = message.request
    const onProgress = (written: number, total: number) => emit({ stage: 'write', loaded: written, total })
    return quantizeFile(path, output, type, { signal, onProgress })
  }
  if (message.call === 'ceilings') {
    gauge ??= new CeilingGauge()
    return gauge.measure(message.request.limits, message.request.milliseconds)
  }
  const loaded = engine
  if (!loaded) throw new EngineError('worker-failed', 'No model is loaded.')
  switch (message.call) {
    case 'reply':
      return loaded.reply(message.request, emit, signal)
    case 'read':
      return loaded.read(message.request, signal)
    case 'forward':
      return loaded.forward(message.request.ids, (logits) => emit(logits, [logits.buffer]), signal)
    case 'embed':
      return loaded.embed(message.request.texts, signal)
    case 'rank':
      return loaded.rank(message.request, signal)
    case 'tokenize':
      return loaded.tokenizer.encode(message.request.text, message.request)
    case 'detokenize':
      return loaded.tokenizer.decode(message.request.ids)
    case 'attach':
      return loaded.adapters.attach(message.request, signal)
    case 'scale':
      return loaded.adapters.scale(message.request.adapter, message.request.scale)
    case 'detach':
      return loaded.adapters.detach(message.request.adapter)
    case 'fork':
      return loaded.fork(message.request.from, message.request.to)
    case 'save':
      return loaded.save(message.request, signal)
    case 'restore':
      return loaded.restore(message.request, signal)
    case 'forget':
      return loaded.forget(message.request.conversation)
    case 'time':
      return loaded.time(message.request, signal)
    case 'work':
      return loaded.work
  }
}

function post(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer)
}
