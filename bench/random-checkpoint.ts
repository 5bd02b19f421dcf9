import { parseArgs } from 'node:util'
import { writeGguf } from '../packages/engine/src/weights/gguf-writer.ts'
import { runCommand, UsageError, wholeNumber } from './command.ts'
import {
  CHECKPOINT_TYPES,
  isCheckpointType,
  isShapeName,
  type Qwen3Shape,
  qwen3Metadata,
  qwen3Tensors,
  SHAPES,
} from './shapes.ts'

const USAGE = `Writes a GGUF file of a known shape with random weights, for measuring speed and memory.

  node bench/random-checkpoint.ts --shape NAME --output FILE [--type TYPE] [--layers N] [--seed N]

  NAME  ${Object.keys(SHAPES).join(', ')}
  TYPE  ${CHECKPOINT_TYPES.join(', ')} (default Q8_0)
  --layers N  only so many layers of the shape: some of a model that is too large as a whole`

await runCommand(USAGE, async () => {
  const { values } = parseArgs({
    options: {
      shape: { type: 'string', default: '' },
      type: { type: 'string', default: 'Q8_0' },
      output: { type: 'string' },
      layers: { type: 'string' },
      seed: { type: 'string', default: '1' },
    },
  })
  const { shape, type, output } = values
  if (!isShapeName(shape)) throw new UsageError(`--shape does not know "${shape}".`)
  if (!isCheckpointType(type)) throw new UsageError(`--type does not know "${type}".`)
  if (output === undefined) throw new UsageError('--output is missing.')
  const seed = wholeNumber('seed', values.seed, 0)

  const start = performance.now()
  const whole: Qwen3Shape = SHAPES[shape]
  const layers = values.layers === undefined ? whole.layers : wholeNumber('layers', values.layers, 1)
  const sizes = { ...whole, layers: Math.min(layers, whole.layers) }
  const bytes = await writeGguf(output, qwen3Metadata(shape, sizes, type), qwen3Tensors(sizes, type, seed))
  const seconds = (performance.now() - start) / 1000
  console.log(`${output}: ${(bytes / 1e6).toFixed(1)} MB in ${seconds.toFixed(1)} s`)
})
