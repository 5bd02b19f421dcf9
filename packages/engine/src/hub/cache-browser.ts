import { foldersIn, readRecord, removeFolder, writeRecord } from '#hub/disk'
import { isFile } from '#hub/part-file'
import type { JsonValue } from '../weights/checkpoint.ts'
import { isJsonObject } from '../weights/json.ts'
import { removeStored, whileLocked } from './opfs-store.ts'
import type { RepositoryFile } from './repository.ts'
import { commitsOf, isCommit, type Snapshot, type StoredFile } from './snapshot.ts'

/*
 * Repositories in the storage that a browser keeps for a site, one folder each:
 *
 *   models--owner--name/blobs/CHECKSUM         the content
 *   models--owner--name/blobs/CHECKSUM.whole   says that it is all there
 *   models--owner--name/record.json            which files each commit has, and where each branch was last seen
 *
 * There are no links in that storage: the paths of snapshots, `…/snapshots/COMMIT/file.gguf`, are looked up in the record.
 */

interface RecordedFile extends StoredFile {
  readonly checksum: string
}

interface RepositoryRecord {
  /** Branches and tags, and the commits that they were last seen at. */
  readonly revisions: Readonly<Record<string, string>>
  /** The newest first. */
  readonly snapshots: readonly { readonly commit: string; readonly files: readonly RecordedFile[] }[]
}

/** One repository in the storage of the site. */
export class CachedRepository {
  readonly repository: string
  readonly folder: string

  constructor(cache: string, repository: string) {
    this.repository = repository
    this.folder = `${cache}/models--${repository.replace('/', '--')}`
  }

  static async all(cache: string): Promise<CachedRepository[]> {
    const names = await foldersIn(cache)
    const repositories = names.flatMap((name) => /^models--([^/]+?)--([^/]+)$/.exec(name)?.slice(1).join('/') ?? [])
    return repositories.map((repository) => new CachedRepository(cache, repository))
  }

  /** The repository of a path that `pathIn` made, with its commit and the path inside; undefined for other paths. */
  static ofPath(path: string): { cached: CachedRepository; commit: string; inside: string } | undefined {
    const [, cache, owner, name, commit, inside = ''] =
      /^(.*)\/models--([^/]+?)--([^/]+)\/snapshots\/([0-9a-f]{40})(?:\/(.*))?$/.exec(path) ?? []
    if (cache === undefined || commit === undefined) return undefined
    return { cached: new CachedRepository(cache, `${owner}/${name}`), commit, inside }
  }

  blob(checksum: string): string {
    return `${this.folder}/blobs/${checksum}`
  }

  /** The path of a file in a snapshot, or with `''` of its folder. */
  pathIn(commit: string, path: string): string {
    return `${this.folder}/snapshots/${commit}${path === '' ? '' : `/${path}`}`
  }

  /** What is here of a revision, in the order in which to look. */
  async snapshots(revision: string): Promise<Snapshot[]> {
    const { revisions, snapshots } = await this.#read()
    const stored = snapshots.map(({ commit }) => commit)
    return Promise.all(
      commitsOf(revision, revisions[revision], stored).map(async (commit) => {
        const files = snapshots.find((snapshot) => snapshot.commit === commit)?.files ?? []
        const isHere = await Promise.all(files.map(({ checksum, size }) => isFile(this.blob(checksum), size)))
        return { commit, files: files.filter((_, index) => isHere[index]) }
      }),
    )
  }

  /** Where the content of a snapshot's files lies. */
  async blobsOf(commit: string): Promise<ReadonlyMap<string, string>> {
    const snapshot = (await this.#read()).snapshots.find((other) => other.commit === commit)
    return new Map(snapshot?.files.map(({ path, checksum }) => [path, this.blob(checksum)]))
  }

  /** Gives blobs their names in a snapshot. */
  async link(commit: string, files: readonly RepositoryFile[]): Promise<void> {
    await this.#change(({ revisions, snapshots }) => {
      const old = snapshots.find((snapshot) => snapshot.commit === commit)?.files ?? []
      const known = new Map(old.map((file) => [file.path, file]))
      for (const { path, size, checksum } of files) {
        if (known.get(path)?.checksum !== checksum) known.set(path, { path, size, checksum, modified: new Date() })
      }
      const sorted = [...known.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
      return {
        revisions,
        snapshots: [{ commit, files: sorted }, ...snapshots.filter((other) => other.commit !== commit)],
      }
    })
  }

  /** Notes the commit that a branch or tag is at. */
  async setRevision(revision: string, commit: string): Promise<void> {
    if (revision === commit) return
    await this.#change(({ revisions, snapshots }) => ({ revisions: { ...revisions, [revision]: commit }, snapshots }))
  }

  /** Removes files from all snapshots, with the blobs that no snapshot needs any more. */
  async remove(isMeant: (path: string) => boolean): Promise<void> {
    const before = (await this.#read()).snapshots.flatMap(({ files }) => files)
    if (before.every(({ path }) => isMeant(path))) return this.removeAll()
    const needed = new Set(before.filter(({ path }) => !isMeant(path)).map(({ checksum }) => checksum))
    const blobs = new Set(before.map(({ checksum }) => checksum).filter((checksum) => !needed.has(checksum)))
    for (const checksum of blobs) await removeStored(this.blob(checksum))
    await this.#change(({ revisions, snapshots }) => ({
      revisions,
      snapshots: snapshots.flatMap(({ commit, files }) => {
        const kept = files.filter(({ path }) => !isMeant(path))
        return kept.length > 0 ? [{ commit, files: kept }] : []
      }),
    }))
  }

  async removeAll(): Promise<void> {
    await removeFolder(this.folder)
  }

  get #path(): string {
    return `${this.folder}/record.json`
  }

  async #read(): Promise<RepositoryRecord> {
    return parseRecord(await readRecord(this.#path))
  }

  /** Tabs take turns in changing the record. */
  async #change(change: (record: RepositoryRecord) => RepositoryRecord): Promise<void> {
    await whileLocked(this.folder, async () => {
      await writeRecord(this.#path, JSON.stringify(change(await this.#read())))
    })
  }
}

/** A record that is damaged costs a look at the Hub: the files that are here are found again by their checksums. */
function parseRecord(text: string | undefined): RepositoryRecord {
  const value = parsed(text)
  const revisions = isJsonObject(value) && isJsonObject(value.revisions) ? value.revisions : {}
  const snapshots = isJsonObject(value) && Array.isArray(value.snapshots) ? value.snapshots : []
  return {
    revisions: Object.fromEntries(
      Object.entries(revisions).flatMap(([name, commit]) => (typeof commit === 'string' ? [[name, commit]] : [])),
    ),
    snapshots: snapshots.flatMap((snapshot) => {
      if (!isJsonObject(snapshot) || typeof snapshot.commit !== 'string' || !isCommit(snapshot.commit)) return []
      const files = Array.isArray(snapshot.files) ? snapshot.files.flatMap((file) => parseFile(file) ?? []) : []
      return [{ commit: snapshot.commit, files }]
    }),
  }
}

function parseFile(file: JsonValue): RecordedFile | undefined {
  if (!isJsonObject(file)) return undefined
  const { path, size, checksum, modified } = file
  if (typeof path !== 'string' || typeof size !== 'number' || typeof checksum !== 'string') return undefined
  return { path, size, checksum, modified: new Date(typeof modified === 'string' ? modified : 0) }
}

function parsed(text: string | undefined): JsonValue {
  try {
    return JSON.parse(text ?? 'null')
  } catch {
    return null
  }
}
