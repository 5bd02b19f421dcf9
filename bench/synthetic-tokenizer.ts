import { type GgufField, uint32 } from '../packages/engine/src/weights/gguf-fields.ts'
import { StringArray } from '../packages/engine/src/weights/string-array.ts'

const NORMAL = 1
const CONTROL = 3
const USER_DEFINED = 4
const UNUSED = 5

/** Places at the end of the vocabulary for added tokens and padding, as many as Qwen3's table has. */
const RESERVED = 293

const SPECIAL_TOKENS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']
const THOUGHT_TOKENS = ['<think>', '</think>']

const TEMPLATE = `{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`

/**
 * A complete byte-level BPE tokenizer of any size, as GGUF metadata. Token 256 + i joins token i / 256 with byte
 * i % 256, which counts through all strings of bytes from the shortest up: every token is unique and is made by one merge.
 */
export function syntheticTokenizer(vocabulary: number): [string, GgufField][] {
  const tokens = byteAlphabet()
  const merges: string[] = []
  const learnt = vocabulary - RESERVED
  if (learnt < tokens.length)
    throw new Error(`A vocabulary needs at least ${256 + RESERVED} tokens, not ${vocabulary}.`)
  for (let i = 0; tokens.length < learnt; i++) {
    const left = tokens[i >> 8] ?? ''
    const right = tokens[i & 255] ?? ''
    tokens.push(left + right)
    merges.push(`${left} ${right}`)
  }
  const types = tokens.map(() => NORMAL)
  const endOfText = tokens.length
  const add = (token: string, type: number) => {
    tokens.push(token)
    types.push(type)
  }
  for (const token of SPECIAL_TOKENS) add(token, CONTROL)
  for (const token of THOUGHT_TOKENS) add(token, USER_DEFINED)
  while (tokens.length < vocabulary) add(`[PAD${tokens.length}]`, UNUSED)
  return [
    ['tokenizer.ggml.model', { value: 'gpt2' }],
    ['tokenizer.ggml.pre', { value: 'qwen2' }],
    ['tokenizer.ggml.tokens', { value: StringArray.from(tokens) }],
    ['tokenizer.ggml.token_type', { value: Int32Array.from(types) }],
    ['tokenizer.ggml.merges', { value: StringArray.from(merges) }],
    ['tokenizer.ggml.bos_token_id', uint32(endOfText)],
    ['tokenizer.ggml.eos_token_id', uint32(endOfText + 2)],
    ['tokenizer.ggml.padding_token_id', uint32(endOfText)],
    ['tokenizer.ggml.add_bos_token', { value: false }],
    ['tokenizer.chat_template', { value: TEMPLATE }],
  ]
}

/** GPT-2's printable stand-ins for the 256 bytes: printable Latin-1 as itself, the others from U+0100 on. */
function byteAlphabet(): string[] {
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad)
    return String.fromCharCode(printable ? byte : next++)
  })
}
