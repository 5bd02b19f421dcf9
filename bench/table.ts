import { existsSync } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeGguf } from '../packages/engine/src/weights/gguf-writer.ts'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import type { Setting } from './contenders/speed.ts'
import { measureFirstToken } from './first-token.ts'
import { describeMachine } from './machine.ts'
import {
  contendersOf,
  measureRounds,
  printHeader,
  printRow,
  RESULT_HEADER,
  resultRow,
  resultsOf,
} from './paired-runs.ts'
import { qwen3Metadata, qwen3Tensors, SHAPES } from './shapes.ts'

const SHAPE = 'qwen3-0.6b'
const TYPES = ['Q8_0', 'Q4_0', 'Q4_K_M'] as const
const THREADS = [1, 2]
const SHORT_PROMPT = 32

const USAGE = `Measures what the README says about speed: ${SHAPE} with random weights as ${TYPES.join(', ')}, beside llama.cpp.

  node bench/table.ts --llama-bench PATH [--llama-bench PATH]... [options]

  --llama-bench PATH  a native llama-bench; may be given several times (README.md says how to build two)
  --folder PATH       where the models are, or are to be written (default a folder for temporary files)
  --pairs N           how often each engine runs (default 7)
  --depths LIST       tokens in the context before the run (default 0,4096)

Takes two hours with two builds; --pairs 3 --depths 0 a quarter of one.`

await runCommand(USAGE, async () => {
  const { values } = parseArgs({
    options: {
      'llama-bench': { type: 'string', multiple: true, default: [] },
      folder: { type: 'string', default: join(tmpdir(), 'laju-bench') },
      pairs: { type: 'string', default: '7' },
      depths: { type: 'string', default: '0,4096' },
    },
  })
  const pairs = wholeNumber('pairs', values.pairs, 1)
  const depths = values.depths.split(',').map((text) => wholeNumber('depths', text, 0))
  const contenders = contendersOf(values['llama-bench'])
  if (values.folder === '') throw new UsageError('--folder is empty.')
  const files = await checkpoints(values.folder)
  const { cpu, cores, runtime, simd } = describeMachine()
  console.log(`${cpu}, ${cores} processors, ${runtime}; ${pairs} pairs\n${simd.join(' ')}\n`)

  printHeader(['type', `seconds to the first token, ${SHORT_PROMPT} read, 2 threads`, 'peak MB', 'file MB'])
  for (const { type, file } of files) {
    const { seconds, peakBytes } = await measureFirstToken({ file, threads: 2, prompt: SHORT_PROMPT }, 5)
    const size = (await stat(file)).size
    printRow([type, seconds.median.toFixed(2), (peakBytes / 1e6).toFixed(0), (size / 1e6).toFixed(0)])
  }
  console.log()

  printHeader(['type', ...RESULT_HEADER])
  for (const { type, file } of files) {
    for (const threads of THREADS) {
      for (const depth of depths) {
        const setting: Setting = { file, threads, depth, prompt: 512, generate: 64 }
        const results = resultsOf(setting, await measureRounds(setting, contenders, pairs), contenders)
        for (const result of results) printRow([type, ...resultRow(result)])
      }
    }
  }
})

/** Written where they are not there yet. */
async function checkpoints(folder: string): Promise<{ type: (typeof TYPES)[number]; file: string }[]> {
  await mkdir(folder, { recursive: true })
  const sizes = SHAPES[SHAPE]
  const files = TYPES.map((type) => ({ type, file: join(folder, `${SHAPE}-${type.toLowerCase()}.gguf`) }))
  for (const { type, file } of files) {
    if (!existsSync(file)) await writeGguf(file, qwen3Metadata(SHAPE, sizes, type), qwen3Tensors(sizes, type, 1))
  }
  return files
}
