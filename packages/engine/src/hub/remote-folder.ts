import type { ByteSource } from '../bytes/byte-source.ts'
import type { Folder } from '../bytes/folder.ts'
import { CheckpointError } from '../errors.ts'
import { type RemoteReads, RemoteSource } from './remote-source.ts'

/** A model that stays where it is published: plain data, which can be sent to another thread. */
export interface RemoteFiles {
  /** Shown in messages: its `hf:` name or its address. */
  readonly name: string
  readonly files: readonly RemoteFile[]
  /** The path among `files` that is to be opened; `''` for all of them as a folder. */
  readonly open: string
  /** Sent to the host of the files' addresses only. */
  readonly token?: string
}

export interface RemoteFile {
  /** With slashes. */
  readonly path: string
  readonly url: string
  /** Bytes; where it is not known, the server must say it. */
  readonly size?: number
}

/** To run a model all of it is read, in few requests. */
const WHOLE_MODEL: RemoteReads = { ahead: 2 ** 24, most: Number.POSITIVE_INFINITY }

/**
 * The folder of a model that stays on its server.
 * @param reads how much is read of a file: all of it, where nothing is said
 */
export function remoteFolder({ name, files, token }: RemoteFiles, reads = WHOLE_MODEL): Folder {
  const opened = new Map<string, ByteSource>()
  const openFile = async (path: string): Promise<ByteSource> => {
    const file = files.find((file) => file.path === path)
    // The file of an address has its address for a name.
    const shown = file?.url === name ? name : `${name}/${path}`
    if (file === undefined) throw new CheckpointError('not-found', `There is no file ${shown}.`, { file: shown })
    const asked = { name: shown, url: file.url, token }
    return file.size === undefined ? RemoteSource.open(asked, reads) : RemoteSource.of(asked, file.size, reads)
  }
  return {
    name,
    files: files.map(({ path }) => path).sort(),
    // A file is looked at, closed and opened again: what was fetched of it stays.
    async open(path) {
      const source = opened.get(path) ?? (await openFile(path))
      opened.set(path, source)
      return source
    },
  }
}
