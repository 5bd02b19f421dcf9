import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openFile } from '../bytes/file-source.ts'
import { openGguf } from '../weights/gguf.ts'
import { StringArray } from '../weights/string-array.ts'

const CONTROL = 3

/**
 * Makes a Hugging Face folder of a tiny model: its weights and configuration, and the byte-level tokenizer of its GGUF
 * file as tokenizer.json and tokenizer_config.json.
 * @param folder with model.safetensors and config.json
 * @param gguf of the same model
 */
export async function writeCheckpointFolder(target: string, folder: string, gguf: string): Promise<void> {
  for (const file of ['model.safetensors', 'config.json', 'generation_config.json']) {
    await copyFile(join(folder, file), join(target, file))
  }
  const checkpoint = await openGguf(await openFile(gguf))
  await checkpoint.close()
  const { metadata } = checkpoint
  const list = (key: string): string[] => {
    const value = metadata.get(key)
    return value instanceof StringArray ? [...value] : []
  }
  const texts = list('tokenizer.ggml.tokens')
  const types = metadata.get('tokenizer.ggml.token_type')
  const isSpecial = (id: number) => types instanceof Int32Array && types[id] === CONTROL
  const added = texts.map((content, id) => ({ id, content, special: true })).filter(({ id }) => isSpecial(id))
  const tokenizer = {
    added_tokens: added,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    decoder: { type: 'ByteLevel' },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(texts.map((text, id) => [text, id])),
      merges: list('tokenizer.ggml.merges').map((merge) => merge.split(' ')),
    },
  }
  const role = (kind: string) => texts[Number(metadata.get(`tokenizer.ggml.${kind}_token_id`))]
  await writeFile(join(target, 'tokenizer.json'), JSON.stringify(tokenizer))
  await writeFile(
    join(target, 'tokenizer_config.json'),
    JSON.stringify({
      bos_token: role('bos'),
      eos_token: role('eos'),
      chat_template: '{% for m in messages %}{{ m.content }}{% endfor %}',
    }),
  )
}
