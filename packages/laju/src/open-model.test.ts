import { expect, it } from 'vitest'
import { main } from './main.ts'
import { openModel, printNotices } from './open-model.ts'
import { captureOutput } from './testing/captured-output.ts'

const output = captureOutput()

it('says on the standard error stream what a person should know of how a model runs', async () => {
  printNotices({ notices: ['The kernel add computes 1.', 'Colours \x1b[31m are not for models to choose.'] })
  expect(output.stderr).toMatch(/^note: The kernel add computes 1\.\nnote: Colours /)
  expect(output.stderr).not.toContain('\x1b')
  expect(output.stdout).toBe('')
})

it.skipIf(!process.version.startsWith('v24.') || process.arch !== 'x64')(
  'says that wider vector operations bring nothing here',
  async () => {
    expect(await main(['run', 'nano', 'What is 1 + 1?', '--revectorize', '--max-tokens', '2'])).toBe(0)
    expect(output.stderr).toMatch(/^note: Joining vector operations brings nothing on Node 24, as measured/)
  },
)

it('says nothing of a model that runs as it should', async () => {
  await using model = await openModel('nano', {})
  expect(model.info.notices).toEqual([])
  expect(output.stderr).toBe('')
})
