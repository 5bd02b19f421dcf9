import { TokenizerError } from '../errors.ts'
import type { Checkpoint } from '../weights/checkpoint.ts'
import { tokenizerFromGguf } from './from-gguf.ts'
import { tokenizerFromSentencePiece } from './from-sentencepiece.ts'
import { tokenizerFromJson } from './from-tokenizer-json.ts'
import type { Tokenizer } from './tokenizer.ts'

/** The tokenizer a checkpoint carries. @throws TokenizerError when it has none, or one of an unknown kind */
export function tokenizerOf(checkpoint: Checkpoint): Tokenizer {
  if (checkpoint.format === 'gguf') return tokenizerFromGguf(checkpoint.metadata, checkpoint.name)
  const { tokenizer, sentencePiece, name } = checkpoint
  if (tokenizer) return tokenizerFromJson(tokenizer, `${name}/tokenizer.json`, checkpoint)
  if (sentencePiece) return tokenizerFromSentencePiece(sentencePiece, `${name}/tokenizer.model`, checkpoint)
  throw new TokenizerError('invalid-tokenizer', `${name} has neither a tokenizer.json nor a tokenizer.model.`, {
    file: name,
    field: 'tokenizer.json',
    remedy: 'Download it from the model’s page into the same folder.',
  })
}
