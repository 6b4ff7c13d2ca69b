// The bytes of a disk from what the system reports of it. Pure.
import type { StatsFs } from 'node:fs';

/** Linux file systems whose block size is their preferred transfer size, not the unit of their block counts. */
const remoteTypes: readonly number[] = [
  0x65735546, // FUSE, virtiofs
  0x6969, // NFS
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x517b, // SMB
  0x01021997, // 9p
  0x00c36400, // Ceph
];
const pageBytes = 4096;
/** A pebibyte: object stores report exbibytes, more than any message may say. */
const mostBytes = 2 ** 50;

/** Node.js reports the unit of the counters (`frsize`) since 24.21; its types do not have it yet. */
type Unit = Pick<StatsFs, 'bsize' | 'type'> & { frsize?: number };

/** Bytes of one counted block. Where the unit is not reported and the block size is no unit, the smallest usual unit: rather too few. */
export function blockBytesOf({ bsize, frsize, type }: Unit): number {
  return frsize || (remoteTypes.includes(type) ? Math.min(bsize, pageBytes) : bsize);
}

/** Bytes free for this user. */
export function freeBytesOf({ bavail, ...unit }: Unit & Pick<StatsFs, 'bavail'>): number {
  // Where more is used than users may use, the count is negative and appears as a number near 2^64.
  if (bavail < 0 || bavail >= 2 ** 63) return 0;
  return Math.min(mostBytes, bavail * blockBytesOf(unit));
}
