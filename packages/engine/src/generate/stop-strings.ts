import { OptionError } from '../errors.ts'

interface Node {
  readonly next: Map<string, Node>
  /** How many characters of a stop string end here: what must be held back. */
  readonly depth: number
  /** The node of the longest shorter suffix that also begins a stop string. */
  fallback: Node | undefined
  /** The longest stop string that ends here. */
  stop: string | undefined
}

/**
 * Watches a stream of text for stop strings and lets through what can no longer become one. The stop string that ends
 * first wins (of two that end together, the longer); neither it nor anything after it is let through.
 *
 * It sees decoded characters, so a stop string may lie anyhow across token borders, even those inside a character.
 * All stop strings are followed at once (Aho and Corasick 1975), in time linear in the text.
 */
export class StopStrings {
  readonly #root: Node = newNode(0)
  #at = this.#root
  #held = ''
  #hit: string | undefined

  /** @throws OptionError for an empty stop string, or one with half a surrogate pair, which no text contains. */
  constructor(stops: readonly string[]) {
    for (const stop of stops) {
      if (stop === '' || !stop.isWellFormed()) {
        throw new OptionError('stop', `A stop string must be non-empty, well-formed text, not ${JSON.stringify(stop)}.`)
      }
      this.#add(stop)
    }
    this.#link()
  }

  /** The stop string that ended the text, once one has. */
  get found(): string | undefined {
    return this.#hit
  }

  /** Takes the next piece of text; answers what may be shown now. */
  push(piece: string): string {
    if (this.#hit !== undefined) return ''
    const text = this.#held + piece
    for (let i = this.#held.length; i < text.length; i++) {
      this.#at = this.#step(text[i])
      if (this.#at.stop !== undefined) {
        this.#hit = this.#at.stop
        this.#held = ''
        return text.slice(0, i + 1 - this.#hit.length)
      }
    }
    const safe = text.length - this.#at.depth
    this.#held = text.slice(safe)
    return text.slice(0, safe)
  }

  /** The text held back, when the reply is over without a stop string. */
  flush(): string {
    const rest = this.#held
    this.#held = ''
    this.#at = this.#root
    return rest
  }

  #step(character: string): Node {
    let node: Node | undefined = this.#at
    while (node !== undefined) {
      const next = node.next.get(character)
      if (next !== undefined) return next
      node = node.fallback
    }
    return this.#root
  }

  #add(stop: string): void {
    let node = this.#root
    for (let i = 0; i < stop.length; i++) {
      let next = node.next.get(stop[i])
      if (next === undefined) {
        next = newNode(i + 1)
        node.next.set(stop[i], next)
      }
      node = next
    }
    node.stop = stop
  }

  #link(): void {
    const queue = [this.#root]
    for (const node of queue) {
      for (const [character, child] of node.next) {
        let from = node.fallback
        while (from !== undefined && !from.next.has(character)) from = from.fallback
        child.fallback = from?.next.get(character) ?? this.#root
        child.stop ??= child.fallback.stop
        queue.push(child)
      }
    }
  }
}

function newNode(depth: number): Node {
  return { next: new Map(), depth, fallback: undefined, stop: undefined }
}
