// The console's live feed: who listens to what, when a frame goes out, and what a console that came back is sent. Each channel makes its
// bytes once; consoles of the same channels share one message. Snapshots go out a part a turn of the event loop, each part only when the
// console has read the one before. Bounded: consoles, channels, requests, unread bytes. It decides nothing and reads the store only for
// the past that a task's own channel asks for.
import {
  ConsoleRequest,
  defaultSpace,
  type FeedTable,
  faults,
  maxFeedChannels,
  maxFeedRecentRows,
  readChannel,
  type TaskView,
} from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { WebSocket } from 'ws';
import type { Coordinator } from '../../road/coordinator.ts';
import type { Touched } from '../../state/touched.ts';
import { agentIdOf, agentNameOf } from '../../state/view.ts';
import type { AlertBoard } from '../alert-board.ts';
import { branchCounts, showEvent, showTask } from '../show.ts';
import type { Tally } from '../tally.ts';
import { createDetails } from './details.ts';
import { agentLine, nodeLine, taskLine } from './lines.ts';
import { createRecent } from './recent.ts';
import { createTable, type FeedTableState } from './table.ts';

const batchMs = 250;
/** With nothing to tell, this often a console hears that nothing changed: its "as of" stays honest. */
const quietMs = 5_000;
const pingMs = 15_000;
/** The next part of a snapshot goes when no more than this is unread. */
const partUnreadBytes = 512 * 1024;
/** What one turn of the event loop sends of snapshots: some milliseconds. */
const turnBytes = 1_500_000;
/** Making a part takes about as long as sending it to so many. */
const madeCost = 4;
/** Without a console for so long the rows give their memory back; who comes then gets a snapshot. */
const coolAfterMs = 10 * 60_000;
/** A console asks when a page opens; more is a loop gone wrong. */
const maxRequests = 120;
const requestWindowMs = 10_000;

export interface ConsoleFeed {
  /** Takes a console in, or closes it when there are too many. `stillIn` is asked at every ping. */
  open(socket: WebSocket, stillIn: () => boolean): void;
  /** What a batch touched, and the agents whose state follows from it. */
  note(touched: Touched, followers: readonly string[]): void;
  counts(): { consoles: number; cut: number; messages: number };
  stop(): void;
}
interface Snapshot {
  keys: readonly string[];
  next: number;
}
interface Console {
  socket: WebSocket;
  stillIn: () => boolean;
  alive: boolean;
  /** Channels, and where the snapshot of each stands: null when it is whole; `wait` while its rows are being made. */
  channels: Map<string, Snapshot | 'wait' | null>;
  sentMs: number;
  requests: number;
  requestsSinceMs: number;
}

export async function createConsoleFeed(parts: {
  coordinator: Coordinator;
  clock: Clock;
  log: Log;
  epoch: string;
  limits: { consoles: number; backlogBytes: number };
  tally: Tally;
  alerts: AlertBoard;
  totals: () => object;
}): Promise<ConsoleFeed> {
  const { coordinator, clock, log, epoch, limits, tally, alerts } = parts;
  const { view, store } = coordinator;
  const consoles = new Set<Console>();
  let cut = 0;
  let messages = 0;
  let idleSinceMs = clock.monotonicMs();
  let pumping = false;
  let beats = 0;
  let branches = branchCounts(view);
  let frozen = view.frozen;

  // The past is read once; whatever happens meanwhile arrives through `note` and is newer.
  const [pastTasks, pastEvents] = await Promise.all([
    store.tasks({ limit: maxFeedRecentRows }),
    store.events({ limit: maxFeedRecentRows }),
  ]);
  const nodes = createTable({
    channel: 'nodes',
    epoch,
    key: 'id',
    ids: () => view.nodes.keys(),
    line: (id, before) => nodeLine(view, id, before as never),
  });
  // Consoles know an agent by its name, as people do.
  const names = new Map(Array.from(view.agents.values(), ({ id, spec }) => [id, spec.name]));
  const idOf = (name: string) => agentIdOf(view, defaultSpace, name);
  const agents = createTable({
    channel: 'agents',
    epoch,
    key: 'name',
    ids: () => names.values(),
    line: (name) => agentLine(view, idOf(name) ?? '', branches),
  });
  const alertTable = createTable({
    channel: 'alerts',
    epoch,
    key: 'id',
    ids: () => alerts.alerts().map(({ id }) => id),
    line: (id) => alerts.alert(id),
  });
  const totals = createTable({
    channel: 'totals',
    epoch,
    key: '',
    ids: () => [''],
    line: (_, before: object | undefined) => {
      const now = parts.totals();
      const { nowMs } = now as { nowMs: number };
      return before && JSON.stringify({ ...before, nowMs }) === JSON.stringify(now) ? before : now;
    },
    whole: true,
  });
  const tasks = createRecent(
    { channel: 'tasks', epoch },
    pastTasks.reverse().map((row) => [row.id, taskLine(view, row)]),
  );
  const events = createRecent(
    { channel: 'events', epoch },
    pastEvents.reverse().map((event) => [String(event.id), showEvent(view, event)]),
  );
  const tables: Record<FeedTable, Omit<FeedTableState, 'mark'>> = {
    totals,
    nodes,
    agents,
    tasks,
    events,
    alerts: alertTable,
  };
  const details = createDetails(view, epoch);
  const tableOf = (channel: string) => tables[channel as FeedTable] ?? details.table(channel);

  function markName(name: string) {
    agents.mark(name);
    details.mark(`agent:${name}`);
  }
  /** Under its old name a renamed agent is no more, and what was told of it lately is its own all the same. */
  function noteName(id: string, name: string | undefined) {
    const was = names.get(id);
    if (was !== undefined) markName(was);
    if (name === undefined) names.delete(id);
    if (name === was || name === undefined) return;
    names.set(id, name);
    markName(name);
    if (was === undefined) return;
    tasks.amend((row) => (row.agent === was ? { ...row, agent: name } : null));
    events.amend((row) => (row.agent === was ? { ...row, agent: name } : null));
  }

  function note(touched: Touched, followers: readonly string[]) {
    for (const id of touched.nodes) {
      nodes.mark(id);
      details.mark(`node:${id}`);
    }
    const markAgent = (id: string) => {
      const row = view.agents.get(id);
      noteName(id, row?.spec.name);
      const node = row?.placement?.node;
      // Its count of agents, and of what they work on.
      if (node !== undefined) nodes.mark(node);
    };
    for (const id of touched.agents) markAgent(id);
    for (const id of followers) markAgent(id);
    for (const id of touched.tasks) {
      const row = view.tasks.get(id);
      if (!row) continue;
      tasks.add(id, taskLine(view, row));
      if (row.node !== null) nodes.mark(row.node);
      details.mark(`task:${id}`);
    }
    for (const row of touched.ended) {
      tasks.add(row.id, taskLine(view, row));
      if (row.node !== null) nodes.mark(row.node);
      details.end(showTask(view, row));
    }
    for (const event of touched.events) events.add(String(event.id), showEvent(view, event));
    if (frozen !== view.frozen) {
      frozen = view.frozen;
      // Why they wait is said in other words now.
      for (const id of tally.agentsIn('waiting')) agents.mark(agentNameOf(view, id));
    }
  }

  function send(console: Console, frames: readonly Buffer[]) {
    console.sentMs = clock.monotonicMs();
    messages++;
    console.socket.send(joined(frames), { binary: false });
  }
  function frameOf(type: 'resumed' | 'refused' | 'as-of', fields: object): Buffer {
    return Buffer.from(JSON.stringify({ type, epoch, asOfMs: clock.nowMs(), ...fields }));
  }
  function refuse(console: Console, channel: string, detail: string) {
    console.channels.delete(channel);
    send(console, [frameOf('refused', { channel, detail })]);
  }

  function beat() {
    const nowMs = clock.monotonicMs();
    for (const id of alerts.refresh()) alertTable.mark(id);
    if (consoles.size === 0) {
      if (nowMs - idleSinceMs > coolAfterMs) {
        for (const table of Object.values(tables)) table.cool();
        idleSinceMs = nowMs;
      }
      return;
    }
    idleSinceMs = nowMs;
    branches = branchCounts(view);
    // While moves are frozen, who waits for them is counted anew each time: once a second will do.
    if (view.frozen.length === 0 || beats++ % 4 === 0) totals.mark('');
    const asOfMs = clock.nowMs();
    const wanted = new Set<string>();
    for (const { channels } of consoles) for (const channel of channels.keys()) wanted.add(channel);
    const frames = new Map<string, Buffer>();
    for (const channel of wanted) {
      const frame = tableOf(channel)?.beat(asOfMs);
      if (frame) frames.set(channel, frame);
    }
    const shared = new Map<string, Buffer>();
    for (const console of consoles) {
      if (console.socket.bufferedAmount > limits.backlogBytes) {
        cut++;
        log.warn({ unread: console.socket.bufferedAmount }, 'a console that does not read its feed was cut off');
        consoles.delete(console);
        console.socket.terminate();
        continue;
      }
      let key = '';
      const own: Buffer[] = [];
      for (const [channel, frame] of frames) {
        // Before its first part a console has nothing that a delta could change.
        const at = console.channels.get(channel);
        if (at === undefined || at === 'wait') continue;
        key += ` ${channel}`;
        own.push(frame);
      }
      if (own.length > 0) {
        let message = shared.get(key);
        if (!message) {
          message = joined(own);
          shared.set(key, message);
        }
        console.sentMs = nowMs;
        messages++;
        console.socket.send(message, { binary: false });
      } else if (nowMs - console.sentMs >= quietMs) send(console, [frameOf('as-of', {})]);
    }
    for (const channel of wanted) tableOf(channel)?.forgetParts();
    for (const channel of details.channels()) if (!wanted.has(channel)) details.close(channel);
    pump();
  }

  /** Sends the next part of snapshots that are under way, to consoles that have room; goes on in the next turn. */
  function pump() {
    if (pumping) return;
    const asOfMs = clock.nowMs();
    let budget = turnBytes;
    let more = false;
    const served: Console[] = [];
    for (const console of consoles) {
      const channel = console.socket.bufferedAmount > partUnreadBytes ? undefined : nextSnapshot(console);
      if (channel === undefined) continue;
      more = true;
      if (budget <= 0) break;
      served.push(console);
      budget -= sendPart(console, channel, asOfMs);
    }
    // Who was served goes to the end: with many at once each has its turn.
    for (const console of served) {
      if (!consoles.delete(console)) continue;
      consoles.add(console);
    }
    if (!more) return;
    pumping = true;
    clock.soon(() => {
      pumping = false;
      pump();
    });
  }
  function nextSnapshot({ channels }: Console): string | undefined {
    for (const [channel, at] of channels) if (at !== null) return channel;
    return undefined;
  }
  /** Answers what it cost, in bytes; making rows costs as much as sending them. */
  function sendPart(console: Console, channel: string, asOfMs: number): number {
    const at = console.channels.get(channel) ?? 'wait';
    const table = tableOf(channel);
    if (!table) {
      console.channels.delete(channel);
      return 0;
    }
    if (at === 'wait' && !table.prime()) return turnBytes;
    // The keys are taken with the first part: what comes after it comes as deltas.
    const { keys, next: from } = at === 'wait' ? { keys: table.keys(), next: 0 } : at;
    const { frame, next, made } = table.part(keys, from, asOfMs);
    console.channels.set(channel, next === null ? null : { keys, next });
    send(console, [frame]);
    return frame.length * (made ? madeCost : 1);
  }

  function subscribe(console: Console, channel: string, from: { epoch?: string; seq?: number }) {
    if (!console.channels.has(channel) && console.channels.size >= maxFeedChannels) {
      refuse(console, channel, `expected at most ${maxFeedChannels} channels, got one more`);
      return;
    }
    const table = tableOf(channel);
    if (!table) return;
    const missed = from.epoch === epoch && from.seq !== undefined ? table.since(from.seq) : null;
    if (missed === null) {
      console.channels.set(channel, 'wait');
      return;
    }
    console.channels.set(channel, null);
    send(console, [frameOf('resumed', { channel, seq: from.seq }), ...missed]);
  }
  async function open(console: Console, channel: string, from: { epoch?: string; seq?: number }) {
    const about = readChannel(channel);
    if (about?.table === 'task' && !tableOf(channel)) await findTask(about.of);
    if (!consoles.has(console)) return;
    if (!tableOf(channel) && !details.open(channel)) {
      refuse(console, channel, `There is no ${about?.table} "${about?.of}".`);
      return;
    }
    subscribe(console, channel, from);
    pump();
  }
  async function findTask(id: string) {
    if (view.tasks.has(id)) return;
    const row = await store.task(id);
    const task: TaskView | null = row && showTask(view, row);
    if (task && !view.tasks.has(id)) details.end(task, true);
  }

  function heard(console: Console, text: string) {
    const nowMs = clock.monotonicMs();
    if (nowMs - console.requestsSinceMs > requestWindowMs) {
      console.requestsSinceMs = nowMs;
      console.requests = 0;
    }
    const request = readRequest(text);
    if (typeof request === 'string' || ++console.requests > maxRequests) {
      const why = typeof request === 'string' ? request : `expected at most ${maxRequests} requests in 10 s, got more`;
      console.socket.close(1008, why.slice(0, 120));
      return;
    }
    if (request.type === 'unsubscribe') for (const channel of request.channels) console.channels.delete(channel);
    else
      for (const { channel, ...from } of request.channels)
        open(console, channel, from).catch((error) => {
          log.warn({ err: error, channel }, 'a channel could not be opened');
          if (consoles.has(console)) refuse(console, channel, 'The data could not be read; try again.');
        });
  }
  function ping() {
    for (const console of consoles) {
      const { socket } = console;
      if (!console.stillIn()) {
        consoles.delete(console);
        socket.close(4401, 'signed out');
      } else if (!console.alive) {
        consoles.delete(console);
        socket.terminate();
      } else {
        console.alive = false;
        socket.ping();
      }
    }
  }
  const timers: Timer[] = [clock.every(batchMs, beat), clock.every(pingMs, ping)];

  return {
    open(socket, stillIn) {
      if (consoles.size >= limits.consoles) {
        socket.close(1013, `${limits.consoles} consoles are open already`);
        return;
      }
      const nowMs = clock.monotonicMs();
      const console: Console = {
        socket,
        stillIn,
        alive: true,
        channels: new Map(),
        sentMs: nowMs,
        requests: 0,
        requestsSinceMs: nowMs,
      };
      socket.on('pong', () => {
        console.alive = true;
      });
      socket.on('close', () => consoles.delete(console));
      socket.on('message', (data) => heard(console, String(data)));
      consoles.add(console);
      send(console, [frameOf('as-of', {})]);
    },
    note,
    counts: () => ({ consoles: consoles.size, cut, messages }),
    stop() {
      for (const timer of timers) timer.cancel();
      for (const { socket } of consoles) socket.close(1001, 'the coordinator is stopping');
      consoles.clear();
    },
  };
}

const opening = Buffer.from('[');
const comma = Buffer.from(',');
const closing = Buffer.from(']');
/** One message of frames that are bytes already. */
function joined(frames: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [opening];
  frames.forEach((frame, i) => {
    if (i > 0) parts.push(comma);
    parts.push(frame);
  });
  parts.push(closing);
  return Buffer.concat(parts);
}

/** The request, or what is wrong with it. */
function readRequest(text: string): ConsoleRequest | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'expected a request in JSON';
  }
  const [fault] = faults(ConsoleRequest, value);
  return fault ? `${fault.field}: expected ${fault.expected}, got ${fault.got}` : (value as ConsoleRequest);
}
