import type { Device } from '@laju/engine'
import { formatBytes, grouped } from '../terminal/units.ts'

/** Something that makes models slow or keeps them from running, and what helps. */
export interface Finding {
  readonly problem: string
  readonly remedy: string
}

const LITTLE_MEMORY = 1e9
const NODE_MEASURED = 24
/** Parts that are worth a word. */
const OFTEN_THROTTLED = 0.05
const MUCH_SWAPPED = 0.1

/** What a device lacks, what matters most first. */
export function findingsOf(device: Device): Finding[] {
  return [...engineFindings(device), ...processorFindings(device), ...memoryFindings(device)]
}

function engineFindings({ webAssembly, kernels, threads, machine }: Device): Finding[] {
  const { simd, relaxedSimd } = webAssembly
  const all: Finding[] = []
  if (!simd) {
    all.push({
      problem: 'This WebAssembly has no SIMD, which every kernel needs.',
      remedy: 'Use a newer Node on a CPU of the last ten years; or --backend reference, which is slow.',
    })
  } else if (kernels.failure !== undefined) {
    all.push({
      problem: `A kernel computes wrongly: ${kernels.failure}`,
      remedy: `Use another version of Node; until then ${kernels.right > 0 ? 'slower kernels are used' : '--backend reference, which is slow'}.`,
    })
  }
  if (simd && !relaxedSimd) {
    all.push({
      problem: 'This WebAssembly has no relaxed SIMD: types of few bits run at about half their speed.',
      remedy: 'Use Node 24 or later.',
    })
  }
  if (!threads.sharedMemory) {
    all.push({
      problem: 'Threads cannot share memory here, so that one has to do everything.',
      remedy: 'Use another version of Node; in a browser, the page must be cross-origin isolated.',
    })
  }
  const [, version = ''] = /^Node v(\d+)/.exec(machine.runtime) ?? []
  if (version !== '' && Number(version) < NODE_MEASURED) {
    all.push({
      problem: `${machine.runtime} is older than the one that laju is measured with.`,
      remedy: `Try Node ${NODE_MEASURED}; "laju bench" tells whether it is faster.`,
    })
  }
  return all
}

function processorFindings({ processors }: Device): Finding[] {
  const { present, usable, quota, throttled, load } = processors
  const all: Finding[] = []
  if (present === 1) {
    all.push({ problem: 'There is only one processor.', remedy: 'Use a small model, quantised to Q4_0 or Q8_0.' })
  } else if (usable < present) {
    all.push({
      problem: `Only ${grouped(usable)} of ${grouped(present)} processors may be used.`,
      remedy: 'Start laju without taskset, or give its container more processors.',
    })
  }
  if (quota !== undefined && quota < present) {
    const often = throttled > OFTEN_THROTTLED ? `, and it ran out in ${percent(throttled)} of all periods` : ''
    all.push({
      problem: `The container is given the time of ${quota} processors${often}.`,
      remedy: `Give it more, or use --threads ${Math.max(1, Math.floor(quota))}: more threads only wait.`,
    })
  }
  if (load > present) {
    all.push({
      problem: `Other programs are busy: ${load.toFixed(1)} want to run at a time, on ${grouped(present)} processors.`,
      remedy: 'Wait until they are done, or end them.',
    })
  }
  return all
}

function memoryFindings({ memory }: Device): Finding[] {
  const all: Finding[] = []
  if (memory.swapped > MUCH_SWAPPED * memory.total) {
    all.push({
      problem: `${formatBytes(memory.swapped)} of memory have been moved to the disk, which is a thousand times slower.`,
      remedy: 'Close other programs, or use a smaller model.',
    })
  }
  if (memory.available < LITTLE_MEMORY) {
    all.push({
      problem: `Only ${formatBytes(memory.available)} of memory are left.`,
      remedy: 'Close other programs, or use a smaller model or a shorter --context.',
    })
  }
  return all
}

function percent(part: number): string {
  return `${(100 * part).toFixed(0)} %`
}
