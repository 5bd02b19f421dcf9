/*
 * What Node takes from the environment and its files: in a browser a page gives it as options.
 */

/** How messages name what a user can set. */
export const WORDS = {
  setToken: 'give a token that may read it (from your settings on the Hub) as the option `token`',
  token: 'The token that was given',
  signIn: 'give a `token`',
  endpoint: 'the `endpoint`',
  pull: 'load it without `store: false`',
  pullFirst: 'Load it without `store: false`: then it is downloaded first.',
}

/** Where the Hub answers, without a slash at its end. */
export function hubEndpoint(): string {
  return 'https://huggingface.co'
}

/** The folder of repositories in the storage of this site. */
export function hubCache(): string {
  return 'opfs:/laju/hub'
}

/** The folder of files that come from other addresses. */
export function addressCache(): string {
  return 'opfs:/laju/files'
}

/** A page has nothing to forbid the net with; where there is none, requests say so. */
export function isOffline(): boolean {
  return false
}

export async function hubToken(): Promise<string | undefined> {
  return undefined
}
