// Memories that the coordinator will never accept, for people: one file of JSON Lines in the data folder. In: the entries of a refused
// branch and the reason of the refusal. Out: lines on the disk, and a sentence about them, once for each agent and epoch of this process.
// Never deletes a line: where the file is full, the caller keeps its entries; an erasure alone takes content out of one. [INV-memory-kept]
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { MemoryEntry } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { syncFolder } from '@blackroad/std/sync-folder';
import type { Disk } from '../files/disk.ts';

export const setAsideFile = 'memory-set-aside.jsonl';
/** Some thousands of entries with their vectors. A node with more refused entries needs a person. */
export const maxSetAsideBytes = 64 * 1024 * 1024;

interface Refused {
  agent: string;
  epoch: number;
  why: string;
  entries: readonly MemoryEntry[];
}
export interface SetAside {
  /** False: the file is full. Throws where the disk refuses writes. After true the lines survive a power cut. */
  keep(refused: Refused): boolean;
  /** Removes content and salt of the entries with these hashes from the file; their headers stay. */
  erase(hashes: ReadonlySet<string>): void;
}

export function createSetAside(deps: {
  /** A folder, or `:memory:`, where the journal and these entries end with the process. */
  dir: string;
  disk?: Pick<Disk, 'append' | 'rewrite'>;
  clock: Clock;
  tell: (text: string) => void;
  maxBytes?: number;
}): SetAside {
  const { dir, disk, clock, tell } = deps;
  const maxBytes = deps.maxBytes ?? maxSetAsideBytes;
  const path = dir === ':memory:' ? setAsideFile : join(dir, setAsideFile);
  const told = new Set<string>();
  const once = (key: string, text: string) => {
    if (!told.has(key)) tell(text);
    told.add(key);
  };
  const append = (text: string): boolean => {
    if (disk) disk.append(setAsideFile, text);
    else if (dir !== ':memory:') return appendDurably(dir, path, text, maxBytes);
    return true;
  };

  return {
    keep({ agent, epoch, why, entries }) {
      const setAsideAt = new Date(clock.nowMs()).toISOString();
      const lines = entries.map((entry) => `${JSON.stringify({ setAsideAt, why, ...entry })}\n`);
      const what = `memories that this node wrote for ${agent} under epoch ${epoch}`;
      if (!append(lines.join(''))) {
        const help = 'Move the file away and start the node-agent again.';
        once('full', `The coordinator refuses ${what}, and ${path} is full: they stay in the journal. ${help}`);
        return false;
      }
      const from = entries[0]?.seq ?? 0;
      once(`${agent} ${epoch}`, `The coordinator refuses ${what}, from entry ${from} on: ${why}. They are in ${path}.`);
      return true;
    },
    erase(hashes) {
      const edit = (text: string) => withoutContent(text, hashes);
      if (disk) disk.rewrite(setAsideFile, edit);
      else if (dir !== ':memory:') rewriteDurably(dir, path, edit);
    },
  };
}

/** The line as it was, or without content where it is one of these entries; a line that cannot be read stays. */
function withoutContent(text: string, hashes: ReadonlySet<string>): string {
  try {
    const line = JSON.parse(text) as MemoryEntry;
    return hashes.has(line.hash) ? `${JSON.stringify({ ...line, salt: null, payload: null })}\n` : text;
  } catch {
    return text;
  }
}
/** Line by line into a new file, which takes the place of the old one; a file without such entries is left alone. */
function rewriteDurably(dir: string, path: string, edit: (line: string) => string): void {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const edited = text.replace(/[^\n]*\n|[^\n]+$/g, edit);
  if (edited === text) return;
  const partial = `${path}.partial`;
  const file = openSync(partial, 'w', 0o600);
  try {
    writeWhole(file, edited);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(partial, path);
  syncFolder(dir);
}

/** False: there is no room. */
function appendDurably(dir: string, path: string, text: string, maxBytes: number): boolean {
  const file = openSync(path, 'a+', 0o600);
  try {
    const { size } = fstatSync(file);
    if (size + Buffer.byteLength(text) > maxBytes) return false;
    const last = Buffer.alloc(1, '\n');
    if (size > 0) readSync(file, last, 0, 1, size - 1);
    // A power cut may have left the last line incomplete: then a new line is begun.
    writeWhole(file, last.toString() === '\n' ? text : `\n${text}`);
    fsyncSync(file);
    if (size === 0) syncFolder(dir);
    return true;
  } finally {
    closeSync(file);
  }
}
function writeWhole(file: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}
