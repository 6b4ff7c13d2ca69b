// What is new in a file of memories. The file is read twice, line by line, with pauses for the event loop: once to recompute it and to know
// which memories it has, then to take those that the agent does not have. In: the path of the file, and what the agent has. Out: the memories
// to write, and what is wrong with the file. A memory whose own hash does not verify is never taken from an export.
import { createReadStream } from 'node:fs';
import {
  type Checker,
  FleetError,
  type GivenMemory,
  type MemoryFileFound,
  MemoryFileReader,
  maxDocumentChars,
  maxDocumentChunks,
  maxMemoryFileFaults,
  maxMemoryFileLineChars,
  maxMemoryFileMemories,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { linesOf } from '@blackroad/std/lines';
import type { StoredHash } from '../store/store.ts';
import { pacer } from './pacer.ts';

export interface MemoryFile {
  path: string;
  /** Of the import that it becomes. */
  id: string;
  /** What earlier imports brought, by origin. */
  known: ReadonlySet<string>;
  /** The hashes of the agent's own log, in pages. */
  own: AsyncIterable<readonly StoredHash[]>;
  check: Checker;
  clock: Clock;
}
interface ImportedFile {
  found: MemoryFileFound;
  faults: { line: number; text: string }[];
  faultyLines: number;
  already: number;
  left: number;
  parts: Omit<GivenMemory, 'given'>[];
  origins: string[];
}

export async function readMemoryFile(file: MemoryFile): Promise<ImportedFile> {
  const { known, own } = file;
  const fresh = new Set<string>();
  const faults: ImportedFile['faults'] = [];
  let faultyLines = 0;
  let already = 0;
  const reader = new MemoryFileReader(file.check);
  for await (const { at, memory, fault } of readLines(file, reader)) {
    if (fault !== null && faultyLines++ < maxMemoryFileFaults) faults.push({ line: at, text: fault });
    if (memory === null) continue;
    if (known.has(memory.origin) || fresh.has(memory.origin)) already++;
    else fresh.add(memory.origin);
    if (fresh.size > maxMemoryFileMemories) throw tooMany();
  }
  const found = reader.end();
  for await (const page of own) for (const { hash } of page) if (fresh.delete(hash)) already++;
  return { found, faults, faultyLines, already, ...(await taken(file, fresh)) };
}

/** Takes as many of these as one import has room for, in the order of the file. */
async function taken(file: MemoryFile, fresh: Set<string>): Promise<Pick<ImportedFile, 'left' | 'parts' | 'origins'>> {
  const parts: ImportedFile['parts'] = [];
  const origins: string[] = [];
  let left = 0;
  let chars = 0;
  if (fresh.size === 0) return { left, parts, origins };
  for await (const { memory } of readLines(file, new MemoryFileReader(file.check))) {
    if (memory === null || !fresh.delete(memory.origin)) continue;
    const { origin, imported, ...rest } = memory;
    if (left > 0 || parts.length >= maxDocumentChunks || chars + memory.text.length > maxDocumentChars) {
      left++;
      continue;
    }
    chars += memory.text.length;
    origins.push(origin);
    parts.push({ kind: 'import', ...rest, source: `import:${file.id}`, imported: { id: file.id, ...imported } });
  }
  return { left, parts, origins };
}

async function* readLines({ path, clock }: MemoryFile, reader: MemoryFileReader) {
  const pause = pacer(clock);
  for await (const { at, text } of linesOf(createReadStream(path), maxMemoryFileLineChars)) {
    yield { at, ...reader.read(text) };
    await pause();
  }
}

const tooMany = () =>
  new FleetError('too-large', {
    detail: `file: expected at most ${maxMemoryFileMemories} memories that are new, got more: split it by lines, each with the head.`,
  });
