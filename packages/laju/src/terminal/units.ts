const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']
const COUNT_UNITS = ['', ' thousand', ' million', ' billion', ' trillion']

/** 1234567 -> "1.23 MB" (steps of 1000, as file managers and disk makers count). */
export function formatBytes(bytes: number): string {
  return scaled(bytes, BYTE_UNITS, ' ')
}

/** 596049920 -> "596 million" */
export function formatCount(count: number): string {
  return scaled(count, COUNT_UNITS, '')
}

/** 7.123 -> "7.1 tokens/s" */
export function formatSpeed(tokensPerSecond: number): string {
  if (!Number.isFinite(tokensPerSecond)) return '? tokens/s'
  return `${tokensPerSecond < 100 ? tokensPerSecond.toFixed(1) : grouped(tokensPerSecond)} tokens/s`
}

/** 74.2 -> "74 ms", 1234 -> "1.2 s" */
export function formatTime(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`
  const seconds = milliseconds / 1000
  return seconds < 10 ? `${seconds.toFixed(1)} s` : `${grouped(seconds)} s`
}

/** 40960 -> "40,960" */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function scaled(value: number, units: readonly string[], gap: string): string {
  let step = 0
  let rest = value
  while (rest >= 999.5 && step < units.length - 1) {
    rest /= 1000
    step++
  }
  const digits = step === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2
  return `${rest.toFixed(digits)}${gap}${units[step]}`
}
