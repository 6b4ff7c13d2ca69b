// Memories as files: what the API exports and imports, with the means of this coordinator.
import type { Checker, MemoryFileHead } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Store } from '../store/store.ts';
import { exportedMemory } from './export-memory.ts';
import { type MemoryFile, readMemoryFile } from './import-memory.ts';

interface MemoryFilesParts {
  store: Pick<Store, 'memoryLog'>;
  check: Checker;
  clock: Clock;
}

export class MemoryFiles {
  readonly #parts: MemoryFilesParts;

  constructor(parts: MemoryFilesParts) {
    this.#parts = parts;
  }
  /** The text of a file, in pieces. */
  write(head: MemoryFileHead): AsyncGenerator<string> {
    return exportedMemory(this.#parts.store, head);
  }
  read(file: Pick<MemoryFile, 'path' | 'id' | 'known' | 'own'>): ReturnType<typeof readMemoryFile> {
    const { check, clock } = this.#parts;
    return readMemoryFile({ ...file, check, clock });
  }
}
