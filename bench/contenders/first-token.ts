import { load } from '@laju/engine'
import type { FirstToken, FirstTokenSetting } from '../first-token.ts'

const { file, threads, prompt } = JSON.parse(process.argv[2] ?? '') as FirstTokenSetting

const model = await load(file, { threads })
const words = await model.tokenize('Why is the sky blue, and at dusk red? '.repeat(prompt))
const reply = await model.complete(await model.detokenize(words.slice(0, prompt)), { maxTokens: 1 }).reply
const at = Date.now()
await model.dispose()
const { inputTokens } = reply.usage
console.log(JSON.stringify({ at, inputTokens, peakBytes: 1024 * process.resourceUsage().maxRSS } satisfies FirstToken))
