import type { Reply, ReplyPart } from '../chat/reply.ts'

/**
 * A reply in the making. Iterate it for its parts as they arrive, or await `reply` for the whole; both work together.
 * Leaving the loop early stops the reply.
 */
export class Generation implements AsyncIterable<ReplyPart> {
  /** @throws LajuError; AbortError when its signal was aborted or its loop was left */
  readonly reply: Promise<Reply>
  readonly #parts: ReplyPart[] = []
  readonly #stop: AbortController
  #wake: () => void = () => {}
  #ended = false

  /** @param start runs the reply, and gives each part as it comes */
  constructor(start: (emit: (part: ReplyPart) => void, signal: AbortSignal) => Promise<Reply>, signal?: AbortSignal) {
    this.#stop = new AbortController()
    const both = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal
    const emit = (part: ReplyPart) => {
      this.#parts.push(part)
      this.#wake()
    }
    this.reply = start(emit, both).finally(() => {
      this.#ended = true
      this.#wake()
    })
    // Who only iterates learns of a failure there.
    this.reply.catch(() => {})
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ReplyPart> {
    try {
      for (let next = 0; ; next++) {
        while (next >= this.#parts.length && !this.#ended) await this.#more()
        if (next >= this.#parts.length) break
        yield this.#parts[next]
      }
      await this.reply
    } finally {
      this.#stop.abort()
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
