/* What is here of a repository. */

export interface StoredFile {
  /** Inside the repository, with slashes. */
  readonly path: string
  readonly size: number
  /** When it was downloaded. */
  readonly modified: Date
}

/** The files of a repository as they are at one commit. */
export interface Snapshot {
  readonly commit: string
  readonly files: readonly StoredFile[]
}

/** Whether a revision is a commit, which never changes, rather than a branch or a tag. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision)
}

/**
 * The commits at which to look for the files of a revision: of the main branch first what it was last seen at and then
 * what older snapshots hold.
 * @param current what the revision was last seen at
 * @param stored those of all snapshots that are here, newest first
 */
export function commitsOf(revision: string, current: string | undefined, stored: readonly string[]): string[] {
  if (isCommit(revision)) return [revision]
  const first = current !== undefined && isCommit(current) ? [current] : []
  return [...new Set([...first, ...(revision === 'main' ? stored : [])])]
}
