// One followed task as server-sent events: `task`, `chunk`, `end`. Events before the answer has begun are kept, so that none is lost
// between following and submitting. A reader that is too slow loses chunks (they are perishable: `end` has the whole text); one that does
// not read at all is disconnected.
import { FleetError, isEnd, type TaskStreamEvent, type TaskView } from '@blackroad/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { showTask } from '../live/show.ts';
import { type EndedTask, isEnded, type TaskRow } from '../state/rows.ts';
import type { ApiContext } from './context.ts';

/** A proxy closes a connection on which nothing comes for a minute or two. */
export const heartbeatMs = 15_000;
/** A comment: it shows proxies and clients that the connection is alive, and is no event. */
export const stillWorking = ': still working\n\n';
const maxUnreadBytes = 256 * 1024;
const maxEarlyEvents = 1_000;
/** A reader that has read nothing of a full buffer for two heartbeats is disconnected. */
const maxStuckBeats = 2;

export function wantsStream(request: FastifyRequest): boolean {
  return request.headers.accept?.toLowerCase().includes('text/event-stream') ?? false;
}

/** Sends the head of an answer that is written piece by piece; Fastify leaves the connection alone from now on. */
export function beginBody(reply: FastifyReply, status: 200 | 201, more: Readonly<Record<string, string>>): void {
  reply.hijack();
  reply.raw.writeHead(status, {
    ...(reply.getHeaders() as Record<string, string>),
    ...more,
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
}

interface TaskStream {
  follow(task: string): void;
  /** Sends the headers, the first `task` event, and all earlier events. */
  begin(task: TaskView, status: 200 | 201): void;
  /** For a task that may have ended before it was followed: looks it up once more, and sends the end. */
  catchUp(look: () => Promise<TaskRow | EndedTask | null>): Promise<void>;
  /** Ends the following after an error, and the connection if the answer has begun. */
  fail(): void;
}

export function openStream(context: ApiContext, reply: FastifyReply): TaskStream {
  const { coordinator, clock, streams, limits } = context;
  if (streams.size >= limits.streams) {
    const detail = `${limits.streams} tasks are being followed; submit without a stream and look at the task later.`;
    throw new FleetError('unavailable', { detail, retryAfterSeconds: 5 });
  }
  const out = reply.raw;
  let early: TaskStreamEvent[] | null = [];
  let ended = false;
  let stuckBeats = 0;
  let unfollow = () => {};
  let heartbeat = { cancel() {} };

  function write(event: TaskStreamEvent) {
    if (ended) return;
    if (event.event === 'chunk' && out.writableLength > maxUnreadBytes) return;
    out.write(`event: ${event.event}\ndata: ${JSON.stringify(event.data)}\n\n`);
    if (event.event === 'end') {
      leave();
      out.end();
    }
  }
  function take(event: TaskStreamEvent) {
    if (early === null) write(event);
    else if (early.length < maxEarlyEvents || event.event === 'end') early.push(event);
  }
  function beat() {
    if (out.writableLength > maxUnreadBytes) {
      if (++stuckBeats >= maxStuckBeats) cut();
    } else {
      stuckBeats = 0;
      out.write(stillWorking);
    }
  }
  function leave() {
    ended = true;
    unfollow();
    heartbeat.cancel();
    streams.delete(cut);
  }
  function cut() {
    leave();
    out.destroy();
  }
  streams.add(cut);
  out.once('close', leave);

  return {
    follow(task) {
      unfollow();
      unfollow = coordinator.follow(task, take);
    },
    begin(task, status) {
      beginBody(reply, status, { 'content-type': 'text/event-stream; charset=utf-8' });
      heartbeat = clock.every(heartbeatMs, beat);
      const kept = early ?? [];
      early = null;
      write({ event: 'task', data: task });
      for (const event of kept) write(event);
      if (isEnd(task.state)) write({ event: 'end', data: task });
    },
    async catchUp(look) {
      if (ended) return;
      const row = await look();
      if (row && isEnded(row)) write({ event: 'end', data: showTask(coordinator.view, row) });
    },
    fail() {
      if (early === null) cut();
      else leave();
    },
  };
}
