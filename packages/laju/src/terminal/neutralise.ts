/**
 * Shows control characters as text (`\x1b`), except line breaks and tabs: what a model writes, or a file contains,
 * must not move the cursor, change the title or reach the clipboard of the person who reads it.
 */
export function neutralise(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the subject
  return text.replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
