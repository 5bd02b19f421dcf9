/** A signal that is found aborted at the k-th look, and from then on: an abort between any two steps of the work. */
export function abortAt(look: number): { signal: AbortSignal; looks: () => number } {
  const controller = new AbortController()
  let looks = 0
  const signal = new Proxy(controller.signal, {
    get(target, property) {
      if (property === 'aborted' && ++looks >= look) controller.abort()
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { signal, looks: () => looks }
}
