// Prints what Vitest counted (its JSON report is the argument) as one plain line: "12 passed, 0 failed, 3 skipped".
// The verdict stays with Vitest's exit status; this fails only where there is nothing to count.
import { readFileSync } from 'node:fs'

/**
 * A file that does not even load has no tests to count, and is one failure.
 * @param {{ testResults: { status: string, assertionResults: { status: string }[] }[] }} report
 */
export function summary(report) {
  const tests = report.testResults.flatMap((file) => file.assertionResults.map((test) => test.status))
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  )
  const passed = tests.filter((status) => status === 'passed').length
  const failed = tests.filter((status) => status === 'failed').length + brokenFiles.length
  const skipped = tests.length - tests.filter((status) => status === 'passed' || status === 'failed').length
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

if (import.meta.main) {
  const [path = ''] = process.argv.slice(2)
  try {
    console.log(summary(JSON.parse(readFileSync(path, 'utf8'))))
  } catch (error) {
    console.error(`error: the tests left no report in ${path} (${error instanceof Error ? error.message : error}).`)
    process.exitCode = 1
  }
}
