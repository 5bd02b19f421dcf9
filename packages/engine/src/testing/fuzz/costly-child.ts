import { readFileSync, writeFileSync } from 'node:fs'
import { MemoryFolder } from '../../bytes/memory-folder.ts'
import { MemorySource } from '../../bytes/memory-source.ts'
import { ChatTemplate } from '../../chat/template.ts'
import { tokenizerFromSentencePiece } from '../../tokenizer/from-sentencepiece.ts'
import { tokenizerFromJson } from '../../tokenizer/from-tokenizer-json.ts'
import { openGguf } from '../../weights/gguf.ts'
import { openSafetensors } from '../../weights/safetensors.ts'
import { readSafetensorsHeader } from '../../weights/safetensors-header.ts'
import { GGUF, writeGguf } from '../write-gguf.ts'
import { writeSafetensors } from '../write-safetensors.ts'
import { measured } from './measure.ts'

/*
 * Some files that are made to cost as much memory as their length allows. Started with `make NAME PATH`, writes one;
 * with `open NAME PATH`, opens it and prints what it took: in another process, since a heap that has been large once
 * does not grow again.
 */

interface Costly {
  readonly make: () => Uint8Array
  readonly open: (file: Uint8Array) => unknown
}

const inMemory = (file: Uint8Array) => new MemorySource('m', file)
const times = (count: number, make: (i: string) => string, between = ',') =>
  Array.from({ length: count }, (_, i) => make(i.toString(36))).join(between)
const utf8 = (text: string) => new TextEncoder().encode(text)

const FILES: Readonly<Record<string, Costly>> = {
  'GGUF tensors': {
    make: () => {
      const data = new Uint8Array(32)
      const tensors = Array.from({ length: 50_000 }, (_, i) => ({ name: `${i}`, dimensions: [8], ggmlType: 0, data }))
      return writeGguf({ tensors })
    },
    open: (file) => openGguf(inMemory(file)),
  },
  'GGUF lists': {
    make: () =>
      writeGguf({ fields: Array.from({ length: 16_384 }, (_, i) => ({ key: `${i}`, type: GGUF.U8, value: [] })) }),
    open: (file) => openGguf(inMemory(file)),
  },
  'GGUF texts': {
    make: () => writeGguf({ fields: [{ key: 'k', type: GGUF.STRING, value: Array<string>(3e6).fill('') }] }),
    open: (file) => openGguf(inMemory(file)),
  },
  'safetensors tensors': {
    make: () => {
      const entry = (i: string) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`
      return writeSafetensors(`{${times(37_000, entry)}}`, new Uint8Array(0))
    },
    open: (file) => readSafetensorsHeader(inMemory(file)),
  },
  'config.json keys': { make: () => utf8(`{${times(298_000, (i) => `"${i}":1`)}}`), open: openConfig },
  'config.json objects': { make: () => utf8(`{"a":[${times(149_000, () => '{}')}]}`), open: openConfig },
  'tokenizer.json tokens': {
    make: () => {
      const tokens = times(99_000, (i) => `{"id":${Number.parseInt(i, 36)},"content":"${i}"}`)
      return utf8(`{"added_tokens":[${tokens}],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}`)
    },
    open: (file) => tokenizerFromJson(file, 'm'),
  },
  'tokenizer.model pieces': {
    make: () => {
      const file = new Uint8Array(524_000 * 5 + 4)
      for (let i = 0; i < file.length; i++) file[i] = [10, 3, 10, 1, 97][i % 5]
      file.set([18, 2, 24, 2], file.length - 4)
      return file
    },
    open: (file) => tokenizerFromSentencePiece(file, 'm'),
  },
  'a template of statements': { make: () => utf8('{{a}}'.repeat(26_000)), open: openTemplate },
  'a template of one expression': { make: () => utf8(`{{${'a+'.repeat(65_500)}a}}`), open: openTemplate },
}

function openConfig(file: Uint8Array): unknown {
  return openSafetensors(new MemoryFolder('m', new Map([['config.json', file]])))
}

function openTemplate(file: Uint8Array): unknown {
  return new ChatTemplate(new TextDecoder().decode(file), new Map(), 'm')
}

const [what, name = '', path = ''] = process.argv.slice(2)
const { make, open } = FILES[name]
if (what === 'make') writeFileSync(path, make())
else {
  const file = new Uint8Array(readFileSync(path))
  const start = performance.now()
  const taken = await measured(async () => {
    try {
      await open(file)
      return { outcome: 'opens' }
    } catch (error) {
      return { outcome: String(error) }
    }
  })
  console.log(JSON.stringify({ ...taken, bytes: file.length, milliseconds: performance.now() - start }))
}
