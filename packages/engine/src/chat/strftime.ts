const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/**
 * The part of C's strftime that chat templates use to write today's date, in local time and always in English,
 * because that is what models saw in training whatever the user's locale. Unknown directives stay as they are.
 */
export function strftime(date: Date, format: string): string {
  const hour12 = date.getHours() % 12 || 12
  const values: Readonly<Record<string, string | number>> = {
    Y: date.getFullYear(),
    y: pad(date.getFullYear() % 100),
    m: pad(date.getMonth() + 1),
    B: MONTHS[date.getMonth()],
    b: MONTHS[date.getMonth()].slice(0, 3),
    d: pad(date.getDate()),
    A: DAYS[date.getDay()],
    a: DAYS[date.getDay()].slice(0, 3),
    H: pad(date.getHours()),
    I: pad(hour12),
    p: date.getHours() < 12 ? 'AM' : 'PM',
    M: pad(date.getMinutes()),
    S: pad(date.getSeconds()),
    '%': '%',
  }
  return format.replace(/%(-?)([YymBbdAaHIpMS%])/g, (_, unpadded: string, directive: string) => {
    const value = String(values[directive])
    return unpadded === '' ? value : value.replace(/^0(?=.)/, '')
  })
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
