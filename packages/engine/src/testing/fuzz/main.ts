import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { fuzzCases } from './cases.ts'
import { type FuzzReport, fuzz } from './run.ts'

/*
 * npm run fuzz -- --count 20000 --seed 1 [--from 0] [--save fuzz-failures]
 *
 * Loads broken models, and says which of them did otherwise than throw an error on purpose or run. Whatever fails is
 * kept, and can be run again: `--seed S --from INDEX --count 1`.
 */

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    save: { type: 'string', default: 'fuzz-failures' },
  },
})
const [seed, from, count] = [values.seed, values.from, values.count].map(wholeNumber)

const start = performance.now()
let shown = start
const report = await fuzz({
  seed,
  from,
  count,
  onProgress(report) {
    if (performance.now() - shown < 10_000) return
    shown = performance.now()
    console.error(
      `${report.cases} of ${count}, ${report.failures.length} failures; to go on: --from ${from + report.cases}`,
    )
  },
})
await save(report)
console.log(summary(report))
process.exitCode = report.failures.length > 0 ? 1 : 0

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  console.error(`"${text}" is not a number of at most nine digits.`)
  process.exit(2)
}

/** The changed file of each failure beside what went wrong, and how to see it again. */
async function save({ failures }: FuzzReport): Promise<void> {
  if (failures.length === 0) return
  const caseOf = await fuzzCases(seed)
  for (const { index, container, file, problem } of failures) {
    const folder = resolve(join(values.save, `${seed}-${index}`))
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, basename(file) || 'nothing'), caseOf(index).content)
    const again = `npm run fuzz -- --seed ${seed} --from ${index} --count 1`
    writeFileSync(join(folder, 'problem.txt'), `${problem}\n\n${again}\n`)
    console.log(`${container}, case ${index}: ${problem}\n  kept in ${folder}; again: ${again}`)
  }
}

function summary({ cases, outcomes, failures, most }: FuzzReport): string {
  const seconds = (performance.now() - start) / 1000
  const mega = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`
  const lines = [...outcomes].toSorted().map(([container, counts]) => {
    const all = [...counts.values()].reduce((sum, value) => sum + value, 0)
    return `${container}: ${all} (${[...counts].map(([outcome, value]) => `${outcome} ${value}`).join(', ')})`
  })
  return [
    ...lines,
    `${cases} cases in ${Math.round(seconds)} s, ${failures.length} failures`,
    `most for one case: ${Math.round(most.milliseconds)} ms; the process grew by ${mega(most.grown)}, and its buffers were ${mega(most.reserved)}`,
  ].join('\n')
}
