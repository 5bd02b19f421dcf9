import type { Checkpoint, JsonValue } from '../weights/checkpoint.ts'

/** The template's Jinja source, wherever the format keeps it. */
export function chatTemplateSource(checkpoint: Checkpoint): string | undefined {
  if (checkpoint.format === 'gguf') {
    const template = checkpoint.metadata.get('tokenizer.chat_template')
    return typeof template === 'string' ? template : undefined
  }
  return checkpoint.chatTemplate ?? defaultTemplate(checkpoint.tokenizerConfig?.chat_template)
}

/** tokenizer_config.json holds one template, or a list of named ones. */
function defaultTemplate(template: JsonValue | undefined): string | undefined {
  if (typeof template === 'string') return template
  if (!Array.isArray(template)) return undefined
  for (const entry of template) {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) continue
    if (entry.name === 'default' && typeof entry.template === 'string') return entry.template
  }
  return undefined
}
