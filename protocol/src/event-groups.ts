// Groups events of one kind into one line: a lost node with 87 agents writes 87 events about one cause. The terminal and the console use
// it; only types are imported, so that a browser need not load the validators.
import type { EventParams, EventType, FleetEvent } from './events.ts';

export interface EventGroup extends FleetEvent {
  /** The agents that a group is about; missing on an event that stands alone. */
  agents?: readonly string[];
}
/** Fewer events than this are shown one by one. */
const least = 4;
/** Events further apart than this belong to different groups. */
const apartMs = 60_000;
const namesShown = 3;

interface Alike {
  /** Equal for the events of one group. */
  key: string;
  /** Where the agents move; it may differ within a group. */
  to: string | null;
  words: (count: string, to: readonly string[]) => string;
}

function alikeOf(event: FleetEvent): Alike | null {
  const moved = paramsOf(event, 'agent-moved');
  const placed = paramsOf(event, 'agent-placed');
  const unplaced = paramsOf(event, 'agent-unplaced');
  const params = moved ?? placed ?? unplaced;
  if (!params) return null;
  const { node, because } = params;
  const reasons = [because, unplaced?.nowhere].filter((reason) => reason !== undefined).join('; ');
  const why = reasons === '' ? '' : `: ${reasons}`;
  const key = (from: string) => `${event.type} ${from} ${reasons}`;
  if (moved) {
    const words = (count: string, all: readonly string[]) => `${count} move from ${moved.from} to ${listed(all)}${why}`;
    return { key: key(moved.from), to: node, words };
  }
  if (placed) return { key: key(''), to: node, words: (count, all) => `${count} go to ${listed(all)}${why}` };
  return { key: key(node), to: null, words: (count) => `${count} are taken off ${node}${why}` };
}
/** Null: the event has another type, or an older version wrote it without params. */
function paramsOf<T extends EventType>({ type, params }: FleetEvent, of: T): EventParams<T> | null {
  // A store keeps all params of a type, or none.
  return type === of && Object.keys(params).length > 0 ? (params as EventParams<T>) : null;
}
function listed(names: readonly string[]): string {
  if (names.length > namesShown)
    return `${names.slice(0, namesShown - 1).join(', ')} and ${names.length - namesShown + 1} other nodes`;
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** Newest first, in and out; a group has the position of its newest event. */
export function groupEvents(events: readonly FleetEvent[]): EventGroup[] {
  const rows: { first: FleetEvent; alike: Alike | null; members: FleetEvent[]; to: string[] }[] = [];
  const open = new Map<string, (typeof rows)[number]>();
  for (const event of events) {
    const alike = alikeOf(event);
    const row = alike && open.get(alike.key);
    if (alike && row && (row.members.at(-1) as FleetEvent).atMs - event.atMs <= apartMs) {
      row.members.push(event);
      if (alike.to !== null && !row.to.includes(alike.to)) row.to.push(alike.to);
      continue;
    }
    const next = { first: event, alike, members: [event], to: alike?.to ? [alike.to] : [] };
    rows.push(next);
    if (alike) open.set(alike.key, next);
  }
  return rows
    .flatMap(({ first, alike, members, to }): EventGroup[] => {
      if (!alike || members.length < least) return members;
      const agents = [...new Set(members.flatMap(({ agent }) => agent ?? []))].sort();
      const one = to.length === 1 ? (to[0] as string) : null;
      const node = first.type === 'agent-unplaced' ? first.node : one;
      return [{ ...first, agent: null, node, text: alike.words(`${agents.length} agents`, to), agents }];
    })
    .sort((a, b) => b.id - a.id);
}
