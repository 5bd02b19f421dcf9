import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sentencePieceModel } from '../../tokenizer/test-sentencepiece.ts'
import { MIXTRAL_FIELDS, MIXTRAL_FOLDER, mixtralTensors } from '../mixtral-gguf.ts'
import { GGUF, writeGguf } from '../write-gguf.ts'
import { type SafetensorsEntry, writeSafetensors } from '../write-safetensors.ts'

/** A model that runs, as the files of a folder. Every checkout has these: nothing depends on data beside it. */
export type Files = ReadonlyMap<string, Uint8Array>

export interface Original {
  readonly files: Files
  /** What is opened; '' for the folder. */
  readonly open: string
}

const NANO = fileURLToPath(new URL('../../../../nano/', import.meta.url))

type Name = 'gguf' | 'split' | 'folder' | 'sharded' | 'adapted'

/** The bundled model as a GGUF file, as a folder, and with an adapter; a mixture of experts in parts of both formats. */
export async function originals(): Promise<Readonly<Record<Name, Original>>> {
  const experts = filesOf(MIXTRAL_FOLDER)
  return {
    gguf: { files: new Map([['m.gguf', bytesOf(join(NANO, 'nano-q8_0.gguf'))]]), open: 'm.gguf' },
    split: { files: await splitGguf(), open: '' },
    folder: { files: filesOf(join(NANO, 'fixtures/hf')), open: '' },
    adapted: { files: new Map([['m.gguf', bytesOf(join(NANO, 'nano-q8_0.gguf'))], ...adapter()]), open: 'm.gguf' },
    sharded: { files: new Map([...sharded(experts), ['tokenizer.model', PIECES]]), open: '' },
  }
}

const PIECES = sentencePieceModel([
  ['▁', -1],
  ['a', -2],
  ['▁a', -3],
])

function bytesOf(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path))
}

function filesOf(folder: string): Map<string, Uint8Array> {
  return new Map(readdirSync(folder).map((name) => [name, bytesOf(join(folder, name))]))
}

/** Of rank 2, for one weight of the bundled model, as PEFT writes it. */
function adapter(): Files {
  const name = (part: string) => `base_model.model.model.layers.0.self_attn.q_proj.lora_${part}.weight`
  const [down, up] = [2 * 128 * 4, 128 * 2 * 4]
  const header = {
    [name('A')]: { dtype: 'F32', shape: [2, 128], data_offsets: [0, down] },
    [name('B')]: { dtype: 'F32', shape: [128, 2], data_offsets: [down, down + up] },
  }
  const config = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj'], bias: 'none' }
  return new Map([
    ['adapter/adapter_config.json', new TextEncoder().encode(JSON.stringify(config))],
    ['adapter/adapter_model.safetensors', writeSafetensors(header, new Uint8Array(down + up))],
  ])
}

async function splitGguf(): Promise<Files> {
  const tensors = await mixtralTensors('stacked')
  const half = tensors.length >> 1
  const part = (number: number) =>
    writeGguf({
      fields: [
        { key: 'split.no', type: GGUF.U16, value: number },
        { key: 'split.count', type: GGUF.U16, value: 2 },
        { key: 'split.tensors.count', type: GGUF.I32, value: tensors.length },
        ...(number === 0 ? MIXTRAL_FIELDS : []),
      ],
      tensors: number === 0 ? tensors.slice(0, half) : tensors.slice(half),
    })
  return new Map([0, 1].map((number) => [`m-0000${number + 1}-of-00002.gguf`, part(number)]))
}

/** The one file of a folder in two, with an index. */
function sharded(files: Files): Files {
  const whole = files.get('model.safetensors') ?? new Uint8Array()
  const headerLength = Number(new DataView(whole.buffer, whole.byteOffset).getBigUint64(0, true))
  const header = JSON.parse(new TextDecoder().decode(whole.subarray(8, 8 + headerLength)))
  delete header.__metadata__
  const entries = Object.entries<{ data_offsets: [number, number] } & SafetensorsEntry>(header)
  const half = entries.length >> 1
  const index: Record<string, string> = {}
  const shards = [entries.slice(0, half), entries.slice(half)].map((part, number) => {
    const name = `model-0000${number + 1}-of-00002.safetensors`
    const pieces: Uint8Array[] = []
    const own: Record<string, SafetensorsEntry> = {}
    let end = 0
    for (const [
      tensor,
      {
        data_offsets: [from, to],
        ...entry
      },
    ] of part) {
      pieces.push(whole.subarray(8 + headerLength + from, 8 + headerLength + to))
      own[tensor] = { ...entry, data_offsets: [end, end + to - from] }
      end += to - from
      index[tensor] = name
    }
    return [name, writeSafetensors(own, new Uint8Array(Buffer.concat(pieces)))] as const
  })
  const indexFile = new TextEncoder().encode(JSON.stringify({ metadata: {}, weight_map: index }))
  const config = files.get('config.json') ?? new Uint8Array()
  return new Map([...shards, ['model.safetensors.index.json', indexFile], ['config.json', config]])
}
