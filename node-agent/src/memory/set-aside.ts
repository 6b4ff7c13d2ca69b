// Memories that the coordinator will never accept, for people: one file of JSON Lines in the data folder. In: the entries of a refused
// branch and the reason of the refusal. Out: lines on the disk, and a sentence about them, once for each agent and epoch of this process.
// Never deletes a line: where the file is full, the caller keeps its entries. [INV-memory-kept]
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
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
}

export function createSetAside(deps: {
  /** A folder, or `:memory:`, where the journal and these entries end with the process. */
  dir: string;
  disk?: Pick<Disk, 'append'>;
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
  };
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
