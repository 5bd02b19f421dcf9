import { fileURLToPath } from 'node:url'
import { output } from './program-output.ts'

/** What is measured: `prompt` tokens read and `generate` written, both behind `depth` tokens. */
export interface Setting {
  readonly file: string
  readonly threads: number
  readonly depth: number
  readonly prompt: number
  readonly generate: number
  /** Laju's option of that name. */
  readonly revectorize?: boolean
}

/** Tokens a second. */
export interface Speed {
  readonly prefill: number
  readonly decode: number
}

/** An engine that is measured once in a process of its own: practice first, then the run that counts. */
export interface SpeedContender {
  readonly name: string
  measure(setting: Setting): Promise<Speed>
}

/** A script beside this file, which is given the setting as JSON and prints the speed as JSON. */
export function scriptContender(name: string, script: string, args: readonly string[] = []): SpeedContender {
  const path = fileURLToPath(new URL(script, import.meta.url))
  return {
    name,
    measure: async (setting) => {
      const typed = ['--conditions=laju-source', path, JSON.stringify(setting), ...args]
      return JSON.parse(await output(process.execPath, typed)) as Speed
    },
  }
}

/** A native `llama-bench` of llama.cpp, with flash attention and f16 keys and values. It practises by itself. */
export function llamaBench(path: string, name: string): SpeedContender {
  return {
    name,
    measure: async ({ file, threads, depth, prompt, generate }) => {
      const sizes = { '-p': prompt, '-n': generate, '-d': depth, '-t': threads, '-r': 1, '-ngl': 0 }
      const typed = ['-m', file, '-fa', 'on', '-o', 'json', ...Object.entries(sizes).flat().map(String)]
      const tests = JSON.parse(await output(path, typed)) as { n_prompt: number; n_gen: number; avg_ts: number }[]
      const speed = (wanted: (test: { n_prompt: number; n_gen: number }) => boolean) => {
        const found = tests.find(wanted)
        if (found === undefined) throw new Error(`${path} did not measure what it was asked to.`)
        return found.avg_ts
      }
      return { prefill: speed(({ n_gen }) => n_gen === 0), decode: speed(({ n_prompt }) => n_prompt === 0) }
    },
  }
}
