import { TemplateError } from '../errors.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { ChatTemplate } from './template.ts'

/** The plain form that models with `<|im_start|>` in their vocabulary were trained on, in one way or another. */
const CHATML =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

/**
 * The checkpoint's template, or ChatML for a checkpoint without one whose vocabulary has ChatML's tokens.
 * @param name the checkpoint, for errors.
 * @throws TemplateError when there is neither, or when the source cannot be parsed.
 */
export function chatTemplateFor(
  source: string | undefined,
  tokenizer: Pick<Tokenizer, 'idOf' | 'specialTokens'>,
  name: string,
): ChatTemplate {
  if (source !== undefined) return new ChatTemplate(source, tokenizer.specialTokens, name)
  if (tokenizer.idOf('<|im_start|>') !== undefined && tokenizer.idOf('<|im_end|>') !== undefined) {
    return new ChatTemplate(CHATML, tokenizer.specialTokens, name)
  }
  throw new TemplateError('template-failed', `${name} has no chat template, so it cannot take messages.`, {
    file: name,
    field: 'chat_template',
    remedy: 'Send a raw prompt instead of messages; it needs no template.',
  })
}
