/** Text from a file as it may stand in a message: in quotes, without control characters, cut when long. */
export function quoted(text: string): string {
  const visible = JSON.stringify(text.slice(0, 100)).replace(/[\u007f-\u009f\u200e-\u202e\u2066-\u2069]/g, '?')
  return text.length <= 100 ? visible : `${visible}…`
}
