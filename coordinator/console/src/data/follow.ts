// Follows tasks over server-sent events: components get the events of a task, and a broken connection is resumed until the task has ended.
// To leave ends the following, never the task.
import type { RouteBody, TaskStreamEvent, TaskView } from '@blackroad/protocol';
import { useCallback, useSyncExternalStore } from 'react';
import { ApiProblem, send } from './api.ts';
import { after, backoffMs } from './clock.ts';
import { type Followed, heard, nothingYet } from './followed.ts';
import { createEventReader } from './sse.ts';

/** A task that is shown again within this time is still being followed. */
const lingerMs = 3_000;

interface Line {
  shown: Followed;
  watchers: Set<() => void>;
  stop: AbortController;
  leave: (() => void) | null;
}
const lines = new Map<string, Line>();

function set(line: Line, next: Followed) {
  line.shown = next;
  for (const each of line.watchers) each();
}
async function* eventsOf(response: Response): AsyncGenerator<TaskStreamEvent> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const read = createEventReader();
  while (reader) {
    const { done, value } = await reader.read();
    if (done) return;
    for (const { event, data } of read(value)) yield { event, data: JSON.parse(data) } as TaskStreamEvent;
  }
}

/** Listens until the end of the task, whatever number of connections that takes. `first`: a stream that is open already. */
async function listen(id: string, line: Line, first: AsyncGenerator<TaskStreamEvent> | null) {
  const { signal } = line.stop;
  let tries = 0;
  let events = first;
  while (!signal.aborted) {
    try {
      events ??= eventsOf(await send('task', { params: { task: id }, signal }, 'text/event-stream'));
      for await (const event of events) {
        tries = 0;
        set(line, heard(line.shown, event));
      }
      if (line.shown.line === 'ended') return;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiProblem && error.status >= 400 && error.status < 500) {
        set(line, { ...line.shown, line: 'ended', problem: error.message });
        return;
      }
    }
    events = null;
    set(line, { ...line.shown, line: 'away' });
    await new Promise<void>((go) => after(backoffMs(tries++), go));
  }
}
function lineOf(id: string): Line {
  let line = lines.get(id);
  if (!line) {
    line = { shown: nothingYet, watchers: new Set(), stop: new AbortController(), leave: null };
    lines.set(id, line);
    start(id, line, null);
  }
  return line;
}
function start(id: string, line: Line, first: AsyncGenerator<TaskStreamEvent> | null) {
  void listen(id, line, first).then(() => {
    if (line.watchers.size === 0) leaveSoon(id, line);
  });
}
/** Without a listener the connection is closed after a while, as the asker may be about to look. */
function leaveSoon(id: string, line: Line) {
  line.leave ??= after(lingerMs, () => {
    line.stop.abort();
    if (lines.get(id) === line) lines.delete(id);
  });
}
function watch(id: string, changed: () => void) {
  const line = lineOf(id);
  line.leave?.();
  line.leave = null;
  line.watchers.add(changed);
  return () => {
    line.watchers.delete(changed);
    if (line.watchers.size > 0) return;
    leaveSoon(id, line);
  };
}

/** The text of the task as it comes; null follows nothing. A browser allows six connections to a host, so only few can be followed. */
export function useFollowed(id: string | null): Followed | null {
  const look = useCallback((changed: () => void) => (id === null ? () => {} : watch(id, changed)), [id]);
  return useSyncExternalStore(look, () => (id === null ? null : (lines.get(id)?.shown ?? nothingYet)));
}

/** Submits a task and follows it from its first token. Resolves when it is stored. @throws ApiProblem */
export async function askFollowed(agent: string, body: RouteBody<'ask'>): Promise<TaskView> {
  const stop = new AbortController();
  const response = await send('ask', { params: { agent }, body, signal: stop.signal }, 'text/event-stream');
  const events = eventsOf(response);
  const { value: first } = await events.next();
  if (first?.event !== 'task') throw new ApiProblem('internal', 0, 'The coordinator answered without a task.');
  const line: Line = { shown: heard(nothingYet, first), watchers: new Set(), stop, leave: null };
  lines.set(first.data.id, line);
  start(first.data.id, line, events);
  return first.data;
}
