import { expect, it } from 'vitest'
import { openModel, printNotices } from './open-model.ts'
import { captureOutput } from './testing/captured-output.ts'

const output = captureOutput()

it('says on the standard error stream what a person should know of how a model runs', async () => {
  printNotices({ notices: ['The kernel add computes 1.', 'Colours \x1b[31m are not for models to choose.'] })
  expect(output.stderr).toMatch(/^note: The kernel add computes 1\.\nnote: Colours /)
  expect(output.stderr).not.toContain('\x1b')
  expect(output.stdout).toBe('')
})

it('says nothing of a model that runs as it should', async () => {
  await using model = await openModel('nano', {})
  expect(model.info.notices).toEqual([])
  expect(output.stderr).toBe('')
})
