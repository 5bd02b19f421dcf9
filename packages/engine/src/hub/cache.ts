import { randomBytes } from 'node:crypto'
import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import type { RepositoryFile } from './repository.ts'
import { commitsOf, isCommit, type Snapshot, type StoredFile } from './snapshot.ts'
import { writeError } from './write-error.ts'

/*
 * The cache that all of Hugging Face's programs share, one folder a repository:
 *
 *   models--owner--name/blobs/CHECKSUM               the content
 *   models--owner--name/refs/main                    the commit that a branch was last seen at
 *   models--owner--name/snapshots/COMMIT/file.gguf   a relative link into blobs
 *
 * https://huggingface.co/docs/huggingface_hub/guides/manage-cache. Where links are not to be had (Windows), the content
 * itself lies in the snapshot.
 */

interface CachedFile extends StoredFile {
  /** Where its content lies: what the link leads to, as written. */
  readonly target: string
}

/** One repository in the cache. */
export class CachedRepository {
  readonly repository: string
  readonly folder: string

  constructor(cache: string, repository: string) {
    this.repository = repository
    this.folder = join(cache, `models--${repository.replace('/', '--')}`)
  }

  static async all(cache: string): Promise<CachedRepository[]> {
    const names = await readdir(cache).catch(() => [])
    const repositories = names.flatMap((name) => /^models--([^/]+?)--([^/]+)$/.exec(name)?.slice(1).join('/') ?? [])
    return repositories.sort().map((repository) => new CachedRepository(cache, repository))
  }

  blob(checksum: string): string {
    return join(this.folder, 'blobs', checksum)
  }

  /** The path of a file in a snapshot, or with `''` of its folder. */
  pathIn(commit: string, path: string): string {
    return join(this.folder, 'snapshots', commit, ...path.split('/'))
  }

  /** What is here of a revision, in the order in which to look. */
  async snapshots(revision: string): Promise<Snapshot[]> {
    return this.#snapshots(revision)
  }

  async #snapshots(revision: string): Promise<{ commit: string; files: CachedFile[] }[]> {
    const current = await readFile(join(this.folder, 'refs', revision), 'utf8').catch(() => '')
    const commits = commitsOf(revision, current.trim(), await this.#commits())
    return Promise.all(commits.map((commit) => this.#snapshot(commit)))
  }

  /** All snapshots, newest first. */
  async #commits(): Promise<string[]> {
    const folder = join(this.folder, 'snapshots')
    const commits = (await readdir(folder).catch(() => [])).filter(isCommit)
    const times = await Promise.all(commits.map(async (commit) => (await stat(join(folder, commit))).mtimeMs))
    const timeOf = new Map(commits.map((commit, index) => [commit, times[index] ?? 0]))
    return commits.sort((a, b) => (timeOf.get(b) ?? 0) - (timeOf.get(a) ?? 0))
  }

  async #snapshot(commit: string): Promise<{ commit: string; files: CachedFile[] }> {
    const folder = this.pathIn(commit, '')
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
    const files = await Promise.all(
      entries.map(async (entry): Promise<CachedFile[]> => {
        const path = join(entry.parentPath, entry.name)
        // A link whose blob is gone is no file.
        const status = await stat(path).catch(() => undefined)
        if (!status?.isFile()) return []
        const inside = relative(folder, path).split(sep).join('/')
        const link = await readlink(path).catch(() => '')
        return [
          {
            path: inside,
            size: status.size,
            modified: status.mtime,
            target: link ? resolve(dirname(path), link) : path,
          },
        ]
      }),
    )
    return { commit, files: files.flat().sort((a, b) => (a.path < b.path ? -1 : 1)) }
  }

  /** Gives blobs their names in a snapshot. */
  async link(commit: string, files: readonly RepositoryFile[]): Promise<void> {
    for (const { path, checksum } of files) await this.#link(this.blob(checksum), this.pathIn(commit, path))
  }

  async #link(blob: string, name: string): Promise<void> {
    const target = relative(dirname(name), blob)
    if ((await readlink(name).catch(() => undefined)) === target) return
    const temporary = temporaryName(name)
    try {
      await mkdir(dirname(name), { recursive: true })
      await symlink(target, temporary).catch(() => copyFile(blob, temporary))
      await rename(temporary, name)
    } catch (cause) {
      throw writeError(name, cause)
    }
  }

  /** Notes the commit that a branch or tag is at. */
  async setRevision(revision: string, commit: string): Promise<void> {
    if (revision === commit) return
    const name = join(this.folder, 'refs', ...revision.split('/'))
    if ((await readFile(name, 'utf8').catch(() => '')) === commit) return
    try {
      await mkdir(dirname(name), { recursive: true })
      const temporary = temporaryName(name)
      await writeFile(temporary, commit)
      await rename(temporary, name)
    } catch (cause) {
      throw writeError(name, cause)
    }
  }

  /** Removes files from all snapshots, with the blobs that no snapshot needs any more. */
  async remove(isMeant: (path: string) => boolean): Promise<void> {
    const snapshots = await this.#snapshots('main')
    const kept = snapshots.flatMap(({ files }) => files.filter(({ path }) => !isMeant(path)))
    if (kept.length === 0) return this.removeAll()
    const isBlob = (path: string) => dirname(path) === resolve(this.folder, 'blobs')
    const needed = new Set(kept.map(({ target }) => target))
    for (const { commit, files } of snapshots) {
      for (const { path, target } of files.filter(({ path }) => isMeant(path))) {
        const name = this.pathIn(commit, path)
        await rm(name, { force: true })
        if (isBlob(target) && !needed.has(target)) await rm(target, { force: true })
        await removeEmpty(dirname(name), this.folder)
      }
    }
  }

  async removeAll(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** Removes a folder and those that hold it, as long as they are empty. */
async function removeEmpty(folder: string, end: string): Promise<void> {
  for (let path = folder; path !== end; path = dirname(path)) {
    try {
      await rmdir(path)
    } catch {
      return
    }
  }
}

function temporaryName(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.tmp`
}
