// The live feed: consoles get a snapshot, then what changed, batched, each frame made and stringified once for all of them.
// Built on the view alone, so a snapshot and the deltas after it leave no gap. Bounded: consoles, what a slow one may leave unread,
// and tasks a frame. Never decides anything, never keeps a console that does not answer pings.
import type { FeedFrame, FleetEvent, FleetTotals, TaskView } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { WebSocket } from 'ws';
import type { Coordinator, Touched } from '../coordinator.ts';
import { branchCounts, showAgent, showNode, showTaskShort } from './show.ts';

const batchMs = 250;
/** With nothing to tell, a frame of totals goes out this often: the console's "as of" stays honest. */
const quietMs = 5_000;
const pingMs = 15_000;
/** Newest tasks and events a console is given at once; the API has the rest. */
const recentTasks = 100;
const recentEvents = 100;
/** Tasks of one frame; more wait for the next one. At thousands a second the oldest waiting are left out. */
const tasksPerFrame = 500;
const maxWaitingTasks = 5_000;
const snapshotEveryMs = 1_000;

export interface LiveFeed {
  /** Takes a console in, or closes it when there are too many. `stillIn` is asked at every ping. */
  open(socket: WebSocket, stillIn: () => boolean): void;
  counts(): { consoles: number; cut: number; frames: number };
  stop(): void;
}
interface Console {
  socket: WebSocket;
  stillIn: () => boolean;
  /** Answered since the last ping. */
  alive: boolean;
  /** What it may leave unread: a large fleet's snapshot alone is more than the bound. */
  allowance: number;
  askedMs: number;
}

export async function createLiveFeed(parts: {
  coordinator: Coordinator;
  clock: Clock;
  log: Log;
  limits: { consoles: number; backlogBytes: number };
  totals: () => Promise<FleetTotals>;
}): Promise<LiveFeed> {
  const { coordinator, clock, log, limits } = parts;
  const { view, store } = coordinator;
  const consoles = new Set<Console>();
  const tasks = new Map<string, TaskView>();
  const events: FleetEvent[] = [];
  const changed = { nodes: new Set<string>(), agents: new Set<string>(), tasks: new Map<string, TaskView>() };
  let changedEvents: FleetEvent[] = [];
  let seq = 0;
  let cut = 0;
  let totals: FleetTotals;
  let sentMs = clock.monotonicMs();
  let working = false;
  let snapshot: { seq: number; madeMs: number; text: string } | null = null;

  function recent(task: TaskView) {
    tasks.delete(task.id);
    tasks.set(task.id, task);
    if (tasks.size > recentTasks) tasks.delete(tasks.keys().next().value as string);
    if (consoles.size === 0) return;
    changed.tasks.delete(task.id);
    changed.tasks.set(task.id, task);
    if (changed.tasks.size > maxWaitingTasks) changed.tasks.delete(changed.tasks.keys().next().value as string);
  }
  function onTouched(touched: Touched) {
    for (const id of touched.tasks) {
      const row = view.tasks.get(id);
      if (!row) continue;
      recent(showTaskShort(row));
      if (consoles.size > 0) changed.agents.add(row.agent);
    }
    for (const row of touched.ended) recent(showTaskShort(row));
    events.push(...touched.events);
    events.splice(0, events.length - recentEvents);
    if (consoles.size === 0) return;
    for (const id of touched.nodes) changed.nodes.add(id);
    for (const name of touched.agents) changed.agents.add(name);
    changedEvents.push(...touched.events);
    changedEvents.splice(0, changedEvents.length - recentEvents);
  }

  function frame(type: FeedFrame['type'], nodes: Iterable<string>, agents: Iterable<string>): FeedFrame {
    const branches = branchCounts(view);
    return {
      type,
      seq,
      asOfMs: clock.nowMs(),
      totals,
      nodes: Object.fromEntries(Array.from(nodes, (id) => [id, showNode(view, id)])),
      agents: Object.fromEntries(Array.from(agents, (name) => [name, showAgent(view, name, branches)])),
      tasks: {},
      events: [],
    };
  }
  function snapshotText(): string {
    // Consoles that come back together (after a restart, or cut off) share one.
    if (snapshot && snapshot.seq === seq && clock.monotonicMs() - snapshot.madeMs < batchMs) return snapshot.text;
    const whole = frame('snapshot', view.nodes.keys(), view.agents.keys());
    whole.tasks = Object.fromEntries(tasks);
    whole.events = events;
    snapshot = { seq, madeMs: clock.monotonicMs(), text: JSON.stringify(whole) };
    return snapshot.text;
  }
  function sendSnapshot(console: Console) {
    const text = snapshotText();
    console.allowance = Buffer.byteLength(text) + limits.backlogBytes;
    console.socket.send(text);
  }
  function deltaText(): string {
    const delta = frame('delta', changed.nodes, changed.agents);
    let left = tasksPerFrame;
    for (const [id, task] of changed.tasks) {
      if (left-- === 0) break;
      delta.tasks[id] = task;
      changed.tasks.delete(id);
    }
    delta.events = changedEvents;
    changed.nodes.clear();
    changed.agents.clear();
    changedEvents = [];
    return JSON.stringify(delta);
  }

  async function beat() {
    if (consoles.size === 0 || working) return;
    const news = changed.nodes.size + changed.agents.size + changed.tasks.size + changedEvents.length > 0;
    if (!news && clock.monotonicMs() - sentMs < quietMs) return;
    working = true;
    try {
      totals = await parts.totals();
      seq++;
      sentMs = clock.monotonicMs();
      const text = deltaText();
      for (const console of consoles) {
        const { socket } = console;
        if (socket.bufferedAmount === 0) console.allowance = limits.backlogBytes;
        else if (socket.bufferedAmount > console.allowance) {
          cut++;
          log.warn({ unread: socket.bufferedAmount }, 'a console that does not read its feed was cut off');
          consoles.delete(console);
          socket.terminate();
          continue;
        }
        socket.send(text);
      }
    } catch (error) {
      log.warn({ err: error }, 'the live feed missed a beat');
    } finally {
      working = false;
    }
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

  const unwatch = coordinator.watch(onTouched);
  // The past is read once; whatever happens meanwhile arrives through `onTouched` and is newer.
  const [pastTasks, pastEvents, firstTotals] = await Promise.all([
    store.tasks({ limit: recentTasks }),
    store.events({ limit: recentEvents }),
    parts.totals(),
  ]);
  totals = firstTotals;
  const newer = [...tasks.values()];
  tasks.clear();
  for (const row of pastTasks.reverse()) tasks.set(row.id, showTaskShort(row));
  for (const task of newer) recent(task);
  events.unshift(...pastEvents.reverse());
  events.splice(0, events.length - recentEvents);
  const timers: Timer[] = [clock.every(batchMs, () => void beat()), clock.every(pingMs, ping)];

  return {
    open(socket, stillIn) {
      if (consoles.size >= limits.consoles) {
        socket.close(1013, `${limits.consoles} consoles are open already`);
        return;
      }
      const console: Console = { socket, stillIn, alive: true, allowance: 0, askedMs: clock.monotonicMs() };
      socket.on('pong', () => {
        console.alive = true;
      });
      socket.on('close', () => consoles.delete(console));
      // A console only listens; the one thing it may say is that it missed a frame.
      socket.on('message', (data) => {
        const now = clock.monotonicMs();
        if (String(data) !== '{"type":"snapshot"}') socket.close(1008, 'expected {"type":"snapshot"}');
        else if (now - console.askedMs >= snapshotEveryMs) {
          console.askedMs = now;
          sendSnapshot(console);
        }
      });
      consoles.add(console);
      sendSnapshot(console);
    },
    counts: () => ({ consoles: consoles.size, cut, frames: seq }),
    stop() {
      unwatch();
      for (const timer of timers) timer.cancel();
      for (const { socket } of consoles) socket.close(1001, 'the coordinator is stopping');
      consoles.clear();
    },
  };
}
