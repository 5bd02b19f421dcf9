/** For messages: 812345678 -> "813 MB" (steps of 1000, as file managers and disk makers count); never too few. */
export function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6).toLocaleString('en-US')} MB`
}
