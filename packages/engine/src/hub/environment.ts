import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { OptionError } from '../errors.ts'

/*
 * The variables that Hugging Face's own programs obey, and what they mean where they are not set:
 * https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
 */

/** How messages name what a user can set. */
export const WORDS = {
  setToken: 'set HF_TOKEN to a token that may read it (from your settings on the Hub)',
  token: 'The token that is set (HF_TOKEN or `hf auth login`)',
  signIn: 'sign in with HF_TOKEN',
  endpoint: 'HF_ENDPOINT',
  pull: 'download it first, with `laju pull`',
  pullFirst: 'Download it first, with `laju pull`; then look at it here.',
}

const PUBLIC_HUB = 'https://huggingface.co'

/** Where the Hub answers, without a slash at its end. @throws OptionError when HF_ENDPOINT is no web address */
export function hubEndpoint(): string {
  const endpoint = (variable('HF_ENDPOINT') ?? PUBLIC_HUB).replace(/\/+$/, '')
  if (/^https?:\/\//i.test(endpoint) && URL.canParse(endpoint)) return endpoint
  throw new OptionError('HF_ENDPOINT', `HF_ENDPOINT is not a web address: ${endpoint}`, 'Unset it or correct it.')
}

/** The folder of repositories that all programs of the user share. */
export function hubCache(): string {
  return variable('HF_HUB_CACHE') ?? variable('HUGGINGFACE_HUB_CACHE') ?? join(hubHome(), 'hub')
}

/** The folder of files that come from other addresses: beside the cache, and our own. */
export function addressCache(): string {
  return join(dirname(resolve(hubCache())), 'laju')
}

export function isOffline(): boolean {
  return /^(1|on|yes|true)$/i.test(variable('HF_HUB_OFFLINE') ?? variable('TRANSFORMERS_OFFLINE') ?? '')
}

/** The user's key to the Hub: HF_TOKEN, or what `hf auth login` has stored. */
export async function hubToken(): Promise<string | undefined> {
  const token = variable('HF_TOKEN') ?? variable('HUGGING_FACE_HUB_TOKEN')
  if (token !== undefined) return token.trim()
  const file = variable('HF_TOKEN_PATH') ?? join(hubHome(), 'token')
  const stored = await readFile(file, 'utf8').catch(() => '')
  return stored.trim() === '' ? undefined : stored.trim()
}

function hubHome(): string {
  return variable('HF_HOME') ?? join(variable('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface')
}

/** A variable that is set to something. `~` is the user's folder, as Hugging Face reads it. */
function variable(name: string): string | undefined {
  const value = process.env[name]
  if (value === undefined || value.trim() === '') return undefined
  return value.replace(/^~(?=$|[\\/])/, () => homedir())
}
