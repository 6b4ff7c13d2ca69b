// The memory of an agent as one file: a head, then every entry with its content, page by page, so that a log of a million entries is never in
// memory. In: the head, which says where the log ends; pages of the store. Out: the text of the file. What comes into the log meanwhile is left out.
import { FleetError, type MemoryFileHead } from '@blackroad/protocol';
import type { Store } from '../store/store.ts';

const pageEntries = 50;

export async function* exportedMemory(store: Pick<Store, 'memoryLog'>, head: MemoryFileHead): AsyncGenerator<string> {
  yield `${JSON.stringify(head)}\n`;
  for (let after = 0; after < head.entries; ) {
    const page = await store.memoryLog(head.agent, after, Math.min(pageEntries, head.entries - after));
    // The answer breaks off, and its receiver knows that it is not whole.
    if (page.length === 0)
      throw new FleetError('storage-failed', { detail: `Entry ${after + 1} of ${head.agent} is missing in the log.` });
    yield page.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    after += page.length;
  }
}
