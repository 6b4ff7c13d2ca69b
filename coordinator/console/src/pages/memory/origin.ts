// The origin of a memory, read from the log around it. Pure.
import type { MemoryEntry } from '@blackroad/protocol';

/** The node that wrote in the entry's epoch: whoever opened the epoch said so. Null when that lies before what was read. */
export function writerOf(
  entries: readonly MemoryEntry[],
  { epoch, seq }: { epoch: number; seq: number },
): string | null {
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i] as MemoryEntry;
    if (entry.seq > seq || entry.epoch !== epoch) continue;
    if (entry.kind === 'genesis' || entry.kind === 'migrate') return entry.actorId.replace(/^node:/, '');
  }
  return null;
}

type Source =
  | { kind: 'task'; task: string }
  | { kind: 'node'; node: string }
  | { kind: 'branch'; node: string; epoch: string }
  | { kind: 'other'; text: string };
/** `task:<id>`, `node:<id>`, `branch:<node>:<epoch>`; anything else as it is written. */
export function sourceOf(source: string): Source {
  const [kind, first = '', second = ''] = source.split(':');
  if (kind === 'task' && first) return { kind: 'task', task: first };
  if (kind === 'node' && first) return { kind: 'node', node: first };
  if (kind === 'branch' && first) return { kind: 'branch', node: first, epoch: second };
  return { kind: 'other', text: source };
}
