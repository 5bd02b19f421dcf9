import { quantizeFile } from '#convert/quantize-file'
import type { WorkerPort } from '#machine/worker'
import { EngineError } from '../errors.ts'
import { CeilingGauge } from './ceilings.ts'
import { Engine } from './engine.ts'
import { inspectAdapterAt, inspectModel } from './inspect.ts'
import type { Calls, FromWorker, ToWorker } from './messages.ts'
import { serializeError } from './serialized-error.ts'
import { answerStoreCall, isStoreCall } from './store-calls.ts'

type Call = Exclude<ToWorker, { abort: number }>

/**
 * Runs the engine in this thread: one model, which answers the calls of messages.ts until it is ended from outside; or
 * one file that is written.
 */
export function answerCalls(port: WorkerPort): void {
  const answers = new Answers(port)
  port.listen((message) => answers.receive(message as ToWorker))
}

class Answers {
  readonly #port: WorkerPort
  readonly #running = new Map<number, AbortController>()
  #engine: Engine | undefined
  #gauge: CeilingGauge | undefined

  constructor(port: WorkerPort) {
    this.#port = port
  }

  receive(message: ToWorker): void {
    if ('abort' in message) this.#running.get(message.abort)?.abort()
    else void this.#answer(message)
  }

  async #answer(message: Call): Promise<void> {
    const { id } = message
    const controller = new AbortController()
    this.#running.set(id, controller)
    try {
      this.#post({ id, result: await this.#perform(message, controller.signal) })
    } catch (error) {
      this.#post({ id, error: serializeError(error) })
    } finally {
      this.#running.delete(id)
    }
  }

  async #perform(message: Call, signal: AbortSignal): Promise<Calls[Call['call']]['result']> {
    const emit = (event: unknown, transfer: ArrayBuffer[] = []) => this.#post({ id: message.id, event }, transfer)
    if (message.call === 'load') {
      const { path, options } = message.request
      this.#engine = await Engine.load(path, options, { signal, onProgress: emit })
      return this.#engine.info
    }
    if (message.call === 'quantize') {
      const { path, output, type } = message.request
      const onProgress = (written: number, total: number) => emit({ stage: 'write', loaded: written, total })
      return quantizeFile(path, output, type, { signal, onProgress })
    }
    if (message.call === 'inspect') return inspectModel(message.request.path, message.request.options, signal)
    if (message.call === 'inspectAdapter') return inspectAdapterAt(message.request.path, signal)
    if (isStoreCall(message)) return answerStoreCall(message, emit, signal)
    if (message.call === 'ceilings') {
      this.#gauge ??= new CeilingGauge()
      return this.#gauge.measure(message.request.limits, message.request.milliseconds)
    }
    const loaded = this.#engine
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

  #post(message: FromWorker, transfer: ArrayBuffer[] = []): void {
    this.#port.post(message, transfer)
  }
}
