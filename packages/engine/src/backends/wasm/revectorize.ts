import { OptionError } from '../../errors.ts'

/** From this Node on it can be had, and from that on it brings something (docs/lab.md). */
const [FIRST_NODE, GOOD_NODE] = [24, 26]

/** What is asked of V8: to join operations, and to optimise code soon, so that what became of it can be checked. */
const FLAGS = ['--experimental-wasm-revectorize', '--wasm-tiering-budget=1000']

interface Runtime {
  readonly versions: { readonly node?: string }
  readonly arch?: string
}

/**
 * Has V8 join pairs of vector operations of 128 bits into one of 256, which it does not do by itself yet, in all
 * WebAssembly that this process compiles from now on.
 * @returns what users should know of it, in sentences
 * @throws OptionError where V8 cannot do that
 */
export async function startRevectorizing(runtime = (globalThis as { process?: Runtime }).process): Promise<string[]> {
  const node = Number.parseInt(runtime?.versions.node ?? '', 10)
  if (!(node >= FIRST_NODE && runtime?.arch === 'x64')) {
    const remedy = `Use Node ${GOOD_NODE} or later on an x64 processor with AVX2, or leave it out.`
    throw new OptionError('revectorize', 'This engine cannot join vector operations.', remedy)
  }
  const { setFlagsFromString } = await import('node:v8')
  for (const flag of FLAGS) setFlagsFromString(flag)
  if (node >= GOOD_NODE) return []
  return [`Joining vector operations brings nothing on Node ${node}, as measured; it does from Node ${GOOD_NODE} on.`]
}
