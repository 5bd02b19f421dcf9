import { fileURLToPath } from 'node:url'
import { output } from './contenders/program-output.ts'
import { type Quartiles, quartiles } from './quartiles.ts'

export interface FirstTokenSetting {
  readonly file: string
  readonly threads: number
  /** Tokens. */
  readonly prompt: number
}

/** What `contenders/first-token.ts` prints. */
export interface FirstToken {
  /** Milliseconds since 1970 at which it had the first token. */
  readonly at: number
  readonly inputTokens: number
  /** The most memory that its process ever had. */
  readonly peakBytes: number
}

/** Of processes that load a model, read a prompt and write one token, one process after the other. */
export async function measureFirstToken(
  setting: FirstTokenSetting,
  runs: number,
): Promise<{ seconds: Quartiles; peakBytes: number }> {
  const script = fileURLToPath(new URL('./contenders/first-token.ts', import.meta.url))
  const seconds: number[] = []
  let peakBytes = 0
  for (let run = 0; run < runs; run++) {
    const start = Date.now()
    // The built package, as whoever installs it has it.
    const token = JSON.parse(await output(process.execPath, [script, JSON.stringify(setting)])) as FirstToken
    if (token.inputTokens !== setting.prompt) throw new Error(`The prompt had ${token.inputTokens} tokens.`)
    seconds.push((token.at - start) / 1000)
    peakBytes = Math.max(peakBytes, token.peakBytes)
  }
  return { seconds: quartiles(seconds), peakBytes }
}
