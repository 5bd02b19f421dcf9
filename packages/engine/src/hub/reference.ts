import { OptionError } from '../errors.ts'
import { quoted } from '../weights/quoted.ts'
import { SHORT_NAMES } from './short-names.ts'

/** A model in a repository of the Hugging Face Hub. */
export interface RepositoryReference {
  readonly kind: 'repository'
  /** `owner/name` */
  readonly repository: string
  /** A branch, a tag or a commit. */
  readonly revision: string
  /** A quantisation (`Q8_0`) or the path of a file; without one the repository's only or usual model. */
  readonly choice: string | undefined
}

export type RemoteReference = RepositoryReference | { readonly kind: 'address'; readonly url: string }

export type ModelReference = RemoteReference | { readonly kind: 'path'; readonly path: string }

const FORMS = 'Write hf:owner/repository, hf:owner/repository:Q8_0 or hf:owner/repository:file.gguf.'

/**
 * What a person means by the name of a model: `hf:owner/repository[@revision][:quantisation or file]`, the address of
 * a file, a short name, or else a path. An address of a file on `endpoint` is the same as its `hf:` name.
 * @throws OptionError for a name that can mean nothing
 */
export function parseReference(typed: string, endpoint: string): ModelReference {
  if (typed.trim() === '') {
    throw new OptionError('model', 'The name of the model is empty.', 'Name a file, a folder or a model of the Hub.')
  }
  const short = SHORT_NAMES.get(typed.toLowerCase())
  if (short !== undefined) return parseRepository(short)
  if (/^hf:/i.test(typed)) return parseRepository(typed.slice(3))
  if (/^https?:\/\//i.test(typed)) return parseAddress(typed, endpoint)
  refuseUnknown(typed)
  return { kind: 'path', path: typed }
}

function refuseUnknown(typed: string): void {
  const scheme = /^[a-z][a-z0-9+-]*(?=:\/\/)/i.exec(typed)
  if (scheme) {
    throw new OptionError('model', `${quoted(typed)} cannot be fetched: ${scheme[0]}: is not supported.`, FORMS)
  }
  const family = /^([a-z][\w.-]*[a-z0-9]):[\w.-]+$/i.exec(typed)?.[1]?.toLowerCase()
  if (family === undefined) return
  const siblings = [...SHORT_NAMES.keys()].filter((name) => name.startsWith(`${family}:`))
  if (siblings.length === 0) return
  const remedy = `Of ${family} there are ${siblings.join(', ')}. For a file of that name write ./${typed}.`
  throw new OptionError('model', `There is no model ${quoted(typed)}.`, remedy)
}

function parseRepository(text: string): RepositoryReference {
  const match = /^([^/:@]+\/[^/:@]+)(?:@([^:]+))?(?::(.+))?$/s.exec(text)
  const [, repository = '', revision = 'main', choice] = match ?? []
  // The Hub's own rule for names; it also keeps them from leading out of a folder.
  const isName = /^[a-z0-9_][\w.-]*\/[a-z0-9_][\w.-]*$/i.test(repository) && !/--|\.\./.test(repository)
  if (!isName || !isSafePath(revision) || (choice !== undefined && !isSafePath(choice))) {
    throw new OptionError('model', `${quoted(`hf:${text}`)} is not the name of a model on the Hub.`, FORMS)
  }
  return { kind: 'repository', repository, revision, choice }
}

function parseAddress(typed: string, endpoint: string): ModelReference {
  if (!URL.canParse(typed)) throw new OptionError('model', `${quoted(typed)} is not a web address.`)
  const url = new URL(typed)
  if (url.hash !== '') {
    const remedy = 'Name the address of a file, without what follows the #.'
    throw new OptionError('model', `${quoted(typed)} names a model on a server, which laju cannot ask.`, remedy)
  }
  if (typed.startsWith(`${endpoint}/`)) {
    const inside = decoded(url.pathname.slice(new URL(endpoint).pathname.replace(/\/$/, '').length), typed)
    const match = /^\/([^/]+\/[^/]+)(?:\/(?:resolve|blob|tree)\/([^/]+)(?:\/(.+))?)?\/?$/.exec(inside)
    if (match) {
      const [, repository, revision = 'main', file] = match
      return parseRepository(`${repository}@${revision}${file === undefined ? '' : `:${file}`}`)
    }
  }
  return { kind: 'address', url: url.href }
}

function decoded(path: string, typed: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw new OptionError('model', `${quoted(typed)} is not a web address.`, 'Write each % that is meant as %25.')
  }
}

/** Whether a path leads to a place inside its folder, on every system: names come from servers as well. */
export function isSafePath(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the subject
  if (path.length > 1024 || /[\\:*?"<>|\x00-\x1f\x7f]/.test(path)) return false
  return path.split('/').every((part) => part !== '' && !part.startsWith('..') && part !== '.' && !/[. ]$/.test(part))
}

/** How a reference to a repository is typed. */
export function referenceName({ repository, revision, choice }: RepositoryReference): string {
  return `hf:${repository}${revision === 'main' ? '' : `@${revision}`}${choice === undefined ? '' : `:${choice}`}`
}

/** The repository whose folder in the cache a path is, or whose `hf:` name; undefined for other paths. */
export function repositoryAt(path: string): string | undefined {
  const [, published] = /^hf:([^/:@]+\/[^/:@]+)/.exec(path) ?? []
  const match = /[\\/]models--([^\\/]+?)--([^\\/]+)[\\/]snapshots[\\/][^\\/]+[\\/]?$/.exec(path)
  return published ?? (match ? `${match[1]}/${match[2]}` : undefined)
}
