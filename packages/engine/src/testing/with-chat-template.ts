import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './temporary-folder.ts'

const STRING = 8
const FIELD_COUNT_AT = 16
const FIELDS_AT = 24
const ALIGNMENT = 32

/** A copy of a GGUF file that has a chat template; it goes when the test ends. */
export function withChatTemplate(path: string, template: string): string {
  const file = readFileSync(path)
  const key = Buffer.from('tokenizer.chat_template')
  const unpadded = Buffer.from(template)
  // Tensors stay where they are in the file's alignment; blanks at the end of a template mean nothing here.
  const lead = 8 + key.length + 4 + 8
  const padding = (ALIGNMENT - ((lead + unpadded.length) % ALIGNMENT)) % ALIGNMENT
  const text = Buffer.concat([unpadded, Buffer.from(`{#${' '.repeat(padding + ALIGNMENT - 4)}#}`)])
  const [keyLength, type, textLength] = [Buffer.alloc(8), Buffer.alloc(4), Buffer.alloc(8)]
  keyLength.writeBigUInt64LE(BigInt(key.length))
  type.writeUInt32LE(STRING)
  textLength.writeBigUInt64LE(BigInt(text.length))
  const head = Buffer.from(file.subarray(0, FIELDS_AT))
  head.writeBigUInt64LE(head.readBigUInt64LE(FIELD_COUNT_AT) + 1n, FIELD_COUNT_AT)
  const copy = join(temporaryFolder(), 'model.gguf')
  writeFileSync(copy, Buffer.concat([head, keyLength, key, type, textLength, text, file.subarray(FIELDS_AT)]))
  return copy
}
