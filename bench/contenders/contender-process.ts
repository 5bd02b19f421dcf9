import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ContenderMessage, DecodeRequest, DecodeRun } from './protocol.ts'

/** A contender in a process of its own, so that neither engine's threads, flags or heap touch the other's. */
export class ContenderProcess {
  readonly name: string
  readonly description: string
  readonly #child: ChildProcess

  private constructor(name: string, description: string, child: ChildProcess) {
    this.name = name
    this.description = description
    this.#child = child
  }

  /** Starts `script` (a file beside this one) and waits until its model is loaded. */
  static async start(name: string, script: string, args: readonly string[]): Promise<ContenderProcess> {
    const path = fileURLToPath(new URL(script, import.meta.url))
    const child = fork(path, args, { execArgv: ['--conditions=laju-source'] })
    try {
      const message = await nextMessage(name, child)
      if (message.type !== 'ready') throw new Error(`${name} answered before it was ready.`)
      return new ContenderProcess(name, message.description, child)
    } catch (error) {
      hangUp(child)
      throw error
    }
  }

  async decode(request: DecodeRequest): Promise<DecodeRun> {
    this.#child.send(request)
    const message = await nextMessage(this.name, this.#child)
    if (message.type !== 'decoded') throw new Error(`${this.name} did not answer with a measurement.`)
    return message.run
  }

  stop(): void {
    hangUp(this.#child)
  }
}

function hangUp(child: ChildProcess): void {
  if (child.connected) child.disconnect()
}

async function nextMessage(name: string, child: ChildProcess): Promise<ContenderMessage> {
  const ended = new AbortController()
  try {
    const [message] = (await Promise.race([
      once(child, 'message', { signal: ended.signal }),
      once(child, 'exit', { signal: ended.signal }).then(([code]) => {
        throw new Error(`${name} ended early (exit code ${code}).`)
      }),
    ])) as [ContenderMessage]
    if (message.type === 'failed') throw new Error(`${name}: ${message.message}`)
    return message
  } finally {
    ended.abort()
  }
}
