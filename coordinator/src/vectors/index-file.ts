// An index of vectors as files, so that a start need not make it again: the rows as they lie in memory, and beside them what they are of. In: an
// index, a piece at a time, as it may change meanwhile: whoever reads it takes in again all changes since the piece was begun. Out: the rows, or
// null for what is damaged, of another form, or not there. Losing it costs time alone.
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { crc32 } from 'node:zlib';
import { layout } from '@blackroad/std/vectors/code-scan';
import { saveWholeNow } from '@blackroad/std/whole-file';
import type { VectorIndex } from './vector-index.ts';

/** Raise it when rows, rotation or codes change. */
const form = 3;
/** What one call writes, and what is read at once: 1 to 5 ms, a twentieth of a second on an SD card. */
const pieceBytes = 1024 * 1024;

interface IndexAbout {
  model: string;
  dimension: number;
  /** The last change that is in all of it, and what it was, which another database has not. */
  upto: number;
  mark: string;
  madeOf: number;
  /** Names by their numbers. */
  agents: string[];
  kinds: string[];
}
interface Header extends IndexAbout {
  form: number;
  mean: string;
  bytes: number;
  checksum: number;
}
const rowsAt = (path: string) => `${path}.codes`;
const aboutAt = (path: string) => `${path}.json`;

/** Writes a piece each step; what was there before is whole until the last one. */
export function* saving(path: string, index: VectorIndex, about: IndexAbout): Generator<void> {
  const [start, end] = [layout.rows, index.rows.end];
  const part = `${rowsAt(path)}.part`;
  const file = openSync(part, 'w');
  let checksum = 0;
  // One for all pieces: [M] new ones of 4 MB left 30 MB that the allocator kept.
  const room = Buffer.alloc(pieceBytes);
  try {
    for (let at = start; at < end; at += pieceBytes) {
      const piece = room.subarray(0, Math.min(pieceBytes, end - at));
      index.rows.copy(at, piece);
      checksum = crc32(piece, checksum);
      writeSync(file, piece);
      yield;
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  const mean = Buffer.from(index.mean.buffer).toString('base64');
  const header: Header = { form, ...about, mean, bytes: end - start, checksum };
  // Rows without their header are nothing; a header names the rows that it is of.
  rmSync(aboutAt(path), { force: true });
  renameSync(part, rowsAt(path));
  saveWholeNow(aboutAt(path), JSON.stringify(header));
}

interface SavedIndex {
  about: IndexAbout;
  mean: Float32Array;
  /** Reads the rows; false: they are damaged, and the index is to be thrown away. */
  fill(index: VectorIndex): boolean;
}
/** Null: there is none that this program can read. */
export function saved(path: string): SavedIndex | null {
  if (!existsSync(aboutAt(path)) || !existsSync(rowsAt(path))) return null;
  const header = headerIn(readFileSync(aboutAt(path), 'utf8'));
  if (header === null || statSync(rowsAt(path)).size !== header.bytes) return null;
  const mean = new Float32Array(header.dimension);
  Buffer.from(mean.buffer).set(Buffer.from(header.mean, 'base64').subarray(0, mean.byteLength));
  const fill = (index: VectorIndex) => {
    const file = openSync(rowsAt(path), 'r');
    let checksum = 0;
    try {
      index.rows.fill(header.bytes, Buffer.alloc(pieceBytes), (target) => {
        const bytes = readSync(file, target);
        checksum = crc32(target.subarray(0, bytes), checksum);
        return bytes;
      });
    } finally {
      closeSync(file);
    }
    return checksum === header.checksum;
  };
  return { about: header, mean, fill };
}
function headerIn(text: string): Header | null {
  try {
    const header = JSON.parse(text) as Header;
    return header.form === form ? header : null;
  } catch {
    return null;
  }
}
