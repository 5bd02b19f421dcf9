import { parseArgs } from 'node:util'
import { writeGguf } from '../packages/engine/src/weights/gguf-writer.ts'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import { CHECKPOINT_TYPES, isCheckpointType, isShapeName, qwen3Metadata, qwen3Tensors, SHAPES } from './shapes.ts'

const USAGE = `Writes a GGUF file of a known shape with random weights, for measuring speed and memory.

  node bench/random-checkpoint.ts --shape NAME --output FILE [--type TYPE] [--seed N]

  NAME  ${Object.keys(SHAPES).join(', ')}
  TYPE  ${CHECKPOINT_TYPES.join(', ')} (default Q8_0)`

await runCommand(USAGE, async () => {
  const { values } = parseArgs({
    options: {
      shape: { type: 'string', default: '' },
      type: { type: 'string', default: 'Q8_0' },
      output: { type: 'string' },
      seed: { type: 'string', default: '1' },
    },
  })
  const { shape, type, output } = values
  if (!isShapeName(shape)) throw new UsageError(`--shape does not know "${shape}".`)
  if (!isCheckpointType(type)) throw new UsageError(`--type does not know "${type}".`)
  if (output === undefined) throw new UsageError('--output is missing.')
  const seed = wholeNumber('seed', values.seed, 0)

  const start = performance.now()
  const sizes = SHAPES[shape]
  const bytes = await writeGguf(output, qwen3Metadata(shape, sizes, type), qwen3Tensors(sizes, type, seed))
  const seconds = (performance.now() - start) / 1000
  console.log(`${output}: ${(bytes / 1e6).toFixed(1)} MB in ${seconds.toFixed(1)} s`)
})
