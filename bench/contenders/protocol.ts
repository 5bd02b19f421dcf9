/** An engine with one model loaded, as a bench sees it. */
export interface Contender {
  /** Name, version and build, for the report. */
  readonly description: string
  /** Answers the prompt greedily with `tokens` tokens, from an empty cache. */
  decode(prompt: string, tokens: number): Promise<DecodeRun>
}

export interface DecodeRun {
  /** Tokens that came; fewer than asked for where the model ended its text. */
  readonly tokens: number
  /** Milliseconds from the first token to the last. */
  readonly milliseconds: number
}

/** From the bench to a contender's process. */
export interface DecodeRequest {
  readonly prompt: string
  readonly tokens: number
}

/** From a contender's process to the bench. */
export type ContenderMessage =
  | { readonly type: 'ready'; readonly description: string }
  | { readonly type: 'decoded'; readonly run: DecodeRun }
  | { readonly type: 'failed'; readonly message: string }

/** The whole of a contender's process: load, say so, then run one request after another until the bench hangs up. */
export async function serve(load: () => Promise<Contender>): Promise<void> {
  const send = (message: ContenderMessage) => process.send?.(message)
  const attempt = async (work: () => Promise<ContenderMessage>) => {
    try {
      send(await work())
    } catch (error) {
      send({ type: 'failed', message: error instanceof Error ? error.message : String(error) })
    }
  }
  process.on('disconnect', () => process.exit())
  await attempt(async () => {
    const contender = await load()
    process.on('message', ({ prompt, tokens }: DecodeRequest) =>
      attempt(async () => ({ type: 'decoded', run: await contender.decode(prompt, tokens) })),
    )
    return { type: 'ready', description: contender.description }
  })
}
