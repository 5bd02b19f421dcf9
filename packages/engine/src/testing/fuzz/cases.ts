import { type JsonPlaces, mutatedJson, placesOf } from '../json-mutations.ts'
import { mutated, type Random, seeded } from '../mutations.ts'
import { type Original, originals } from './originals.ts'

/** One file of a model that runs, changed. */
export interface FuzzCase {
  /** What it is of, such as `gguf` or `tokenizer.json`: faults are counted by it. */
  readonly container: string
  readonly original: Original
  readonly file: string
  readonly content: Uint8Array
}

type Mutate = (random: Random) => Uint8Array

interface Target {
  readonly container: string
  /** Of a hundred cases. */
  readonly share: number
  readonly original: Original
  readonly file: string
  readonly mutate: Mutate
}

const TEMPLATE_PIECES = [
  ...['{% for i in range(99999) %}', '{% endfor %}', '{% if messages %}', '{% endif %}', '{{ messages }}'],
  ...['{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', '{% set messages = messages + messages %}', '{{ x.y.z }}'],
  ...['{% set ns = namespace(a=[]) %}{% set ns.a = [ns] %}{{ ns | tojson }}', '{#', '%}', '{{', '"', "'", '\n'],
]

/** @returns the case of a number, always the same one for the same seed */
export async function fuzzCases(seed: number): Promise<(index: number) => FuzzCase> {
  const targets = await allTargets()
  const wheel = targets.flatMap((target) => Array<Target>(target.share).fill(target))
  return (index) => {
    const random = seeded(Math.imul(seed, 0x85ebca6b) + index)
    const { container, original, file, mutate } = wheel[random(wheel.length)]
    return { container, original, file, content: mutate(random) }
  }
}

/** Of a hundred: GGUF 32, safetensors 20, tokenizers 25, configurations 13, adapters 5, templates 5. */
async function allTargets(): Promise<readonly Target[]> {
  const { gguf, split, folder, sharded, adapted } = await originals()
  const target = (container: string, share: number, original: Original, file: string, kind: MutateKind): Target => {
    const content = original.files.get(file)
    if (!content) throw new Error(`The model to be mutated has no ${file}.`)
    return { container, share, original, file, mutate: kind(content) }
  }
  return [
    target('gguf', 22, gguf, 'm.gguf', inHeaderOfGguf),
    target('gguf', 5, split, 'm-00001-of-00002.gguf', inHeaderOfGguf),
    target('gguf', 5, split, 'm-00002-of-00002.gguf', inHeaderOfGguf),
    target('safetensors', 10, folder, 'model.safetensors', inHeaderOfSafetensors),
    target('safetensors', 6, sharded, 'model-00001-of-00002.safetensors', inHeaderOfSafetensors),
    target('safetensors', 4, sharded, 'model.safetensors.index.json', json),
    target('tokenizer.json', 17, folder, 'tokenizer.json', json),
    target('tokenizer.json', 3, folder, 'tokenizer_config.json', json),
    target('tokenizer.model', 5, sharded, 'tokenizer.model', anywhere),
    target('config.json', 5, folder, 'config.json', json),
    target('config.json', 6, sharded, 'config.json', json),
    target('config.json', 2, folder, 'generation_config.json', json),
    target('adapter', 3, adapted, 'adapter/adapter_model.safetensors', inHeaderOfSafetensors),
    target('adapter', 2, adapted, 'adapter/adapter_config.json', json),
    target('chat template', 5, withTemplate(folder), 'chat_template.jinja', template),
  ]
}

type MutateKind = (content: Uint8Array) => Mutate

const anywhere: MutateKind = (content) => (random) => mutated(content, content.length, random)

/** The table of tensors comes last. One fault in eight falls anywhere. */
const inHeaderOfGguf: MutateKind = (content) => {
  const header = Buffer.from(content.buffer).lastIndexOf('.weight') + 40
  return (random) => mutated(content, random(8) ? header : content.length, random)
}

const inHeaderOfSafetensors: MutateKind = (content) => {
  const header = 8 + Number(new DataView(content.buffer, content.byteOffset).getBigUint64(0, true))
  return (random) => mutated(content, random(8) ? header : content.length, random)
}

/** Half of the time other bytes, half of the time other values. */
const json: MutateKind = (content) => {
  const places: JsonPlaces = placesOf(JSON.parse(new TextDecoder().decode(content)))
  return (random) =>
    random(2) ? mutated(content, content.length, random) : new TextEncoder().encode(mutatedJson(places, random))
}

/** Other bytes, or pieces of templates somewhere in it. */
const template: MutateKind = (content) => (random) => {
  if (random(2)) return mutated(content, content.length, random)
  let text = new TextDecoder().decode(content)
  for (let times = 1 + random(4); times > 0; times--) {
    const at = random(text.length)
    text = text.slice(0, at) + TEMPLATE_PIECES[random(TEMPLATE_PIECES.length)] + text.slice(at)
  }
  return new TextEncoder().encode(text)
}

function withTemplate(original: Original): Original {
  const config = JSON.parse(new TextDecoder().decode(original.files.get('tokenizer_config.json')))
  const source = new TextEncoder().encode(config.chat_template)
  return { ...original, files: new Map([...original.files, ['chat_template.jinja', source]]) }
}
