// One followed task as it is known so far: events go in, the next state comes out. Pure. Chunks are perishable: what was missed is
// shown as missing until the end, which carries the whole text.
import type { TaskStreamEvent, TaskView } from '@blackroad/protocol';

export type Part = { kind: 'text'; text: string } | { kind: 'tool'; name: string } | { kind: 'missing' };

export interface Followed {
  /** As it was at the last event that told all of it. */
  task: TaskView | null;
  attempt: number;
  parts: readonly Part[];
  /** Characters of this attempt that were told, here or while nobody listened. */
  upto: number;
  line: 'connecting' | 'open' | 'away' | 'ended';
  problem: string | null;
}
export const nothingYet: Followed = {
  task: null,
  attempt: 0,
  parts: [],
  upto: 0,
  line: 'connecting',
  problem: null,
};

export function heard(was: Followed, event: TaskStreamEvent): Followed {
  if (event.event === 'task') {
    const again = event.data.attempt !== was.attempt && was.parts.length > 0;
    return {
      ...was,
      ...(again ? { parts: [], upto: 0, attempt: event.data.attempt } : {}),
      task: event.data,
      line: 'open',
    };
  }
  if (event.event === 'end') return { ...was, task: event.data, line: 'ended', problem: null };
  const { attempt, offset, text, tool, retract } = event.data;
  // Another attempt begins from nothing; what the one before said is void.
  const { parts, upto } = attempt === was.attempt ? was : { parts: [], upto: 0 };
  if (retract) return { ...was, attempt, parts: upTo(parts, offset), upto: Math.min(upto, offset), line: 'open' };
  const fresh = text.slice(Math.max(0, upto - offset));
  const next = [...parts];
  if (offset > upto) next.push({ kind: 'missing' });
  const last = next.at(-1);
  if (fresh && last?.kind === 'text') next[next.length - 1] = { kind: 'text', text: last.text + fresh };
  else if (fresh) next.push({ kind: 'text', text: fresh });
  if (tool) next.push({ kind: 'tool', name: tool });
  return { ...was, attempt, parts: next, upto: Math.max(upto, offset + text.length), line: 'open' };
}

/** What was said before the place where a thought was taken back; what was missed of it counts no characters. */
function upTo(parts: readonly Part[], characters: number): Part[] {
  const kept: Part[] = [];
  let left = characters;
  for (const part of parts) {
    if (part.kind !== 'text') kept.push(part);
    else if (left > 0) kept.push({ kind: 'text', text: part.text.slice(0, left) });
    if (part.kind === 'text') left -= part.text.length;
  }
  return kept.filter(({ kind }, at) => kind !== 'missing' || at < kept.length - 1);
}
