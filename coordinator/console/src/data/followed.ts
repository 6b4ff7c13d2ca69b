// The known state of one followed task: a pure function from the state and an event to the next state. Chunks are perishable: missed ones
// are shown as missing until the end, which has the whole text.
import type { TaskStreamEvent, TaskView } from '@blackroad/protocol';

export type Part = { kind: 'text'; text: string } | { kind: 'tool'; name: string } | { kind: 'missing' };

export interface Followed {
  /** The task at its last complete event. */
  task: TaskView | null;
  attempt: number;
  parts: readonly Part[];
  /** The number of characters of this attempt so far, with those that were missed. */
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
  // Another attempt begins with an empty text; that of the one before is void.
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

/** The text before the place from which a thought was retracted; missed parts of it have no characters. */
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
