import { readFileSync } from 'node:fs'
import { arch, cpus, platform } from 'node:os'

/** What a figure has to say about where it was measured. */
export interface Machine {
  readonly cpu: string
  /** Vector extensions the CPU reports; empty where the system does not list them. */
  readonly simd: readonly string[]
  readonly cores: number
  readonly platform: string
  /** What runs the engine, with its version: `Node v24.21.0`; of a browser what that says of itself. */
  readonly runtime: string
}

const SIMD_FLAGS = /^(sse4_2|avx\w*|fma|f16c|asimd\w*|sve\w*|i8mm|bf16)$/

export function describeMachine(): Machine {
  const info = readCpuInfo()
  const field = (name: string) => new RegExp(`^${name}\\s*:\\s*(.*)$`, 'mi').exec(info)?.[1]?.trim()
  const model = cpus()[0]?.model.trim() ?? 'unknown'
  const family = field('cpu family')
  const flags = (field('flags') ?? field('features') ?? '').split(' ')
  return {
    // Virtual machines often hide the model's name; the family still tells one generation from another.
    cpu: family === undefined ? model : `${model} (family ${family}, model ${field('model') ?? '?'})`,
    simd: flags.filter((flag) => SIMD_FLAGS.test(flag)),
    cores: cpus().length,
    platform: `${platform()} ${arch()}`,
    runtime: describeRuntime(),
  }
}

/** Deno and Bun call themselves a Node as well, for the sake of programs. */
function describeRuntime(): string {
  const { deno, bun } = process.versions
  if (deno !== undefined) return `Deno ${deno}`
  return bun === undefined ? `Node ${process.version}` : `Bun ${bun}`
}

/** Linux lists the flags here; other systems have no such file. */
function readCpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return ''
  }
}
