import { crc32 as zlibCrc32 } from 'node:zlib'

/** The checksum of zip and PNG files (ISO 3309), from 0 to 2^32 - 1. */
export function crc32(bytes: Uint8Array): number {
  return zlibCrc32(bytes)
}
