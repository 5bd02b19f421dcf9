import { neutralise } from './neutralise.ts'

/** Labels and what they say, one below the other. The texts may come from a file, so they are neutralised. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([label]) => label.length)) + 2
  return rows.map(([label, value]) => `${label.padEnd(width)}${neutralise(value).replaceAll('\n', ' ')}`).join('\n')
}
