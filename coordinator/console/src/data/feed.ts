// The one WebSocket of the console: it subscribes to the channels that components show, continues after a break where it was, comes back
// after growing, jittered pauses, and reports the age of all that is shown. Changes reach components at most once in a painted frame.

import channels from 'fleet:channels';
import type { ConsoleMessage, ConsoleRequest } from '@blackroad/protocol';
import { addressOf, call, sessionEnded } from './api.ts';
import { after, backoffMs, every, learnTime, monotonicMs, nowMs } from './clock.ts';
import { apply, type ChannelFrame, createTable, type Table } from './rows.ts';

/** The coordinator sends a frame every five seconds; after this silence the connection counts as lost. */
const silenceMs = 12_000;
/** A channel that is shown again within this time is not subscribed anew: a change of the page costs nothing. */
const lingerMs = 10_000;
/** The rows of channels of things that follow each other. */
const most: Record<string, number> = { tasks: 2_000, events: 500 };
const signedOutCode = 4401;

export interface Rows<T> {
  rows: ReadonlyMap<string, T>;
  /** The rows as a list, in their order. */
  readonly list: readonly T[];
  /** Whether all rows have come; before that "none" would be a guess. */
  whole: boolean;
  /** The reason why there is nothing, such as a node that does not exist. */
  refused: string | null;
}
export interface Freshness {
  state: 'connecting' | 'live' | 'away';
  /** The time of the state, by the coordinator's clock. */
  sinceMs: number;
  /** The time of all that is shown; 0 before the first frame. */
  asOfMs: number;
}

interface Channel {
  name: string;
  table: Table;
  users: number;
  shown: Rows<unknown>;
  watchers: Set<() => void>;
  leave: (() => void) | null;
}
const open = new Map<string, Channel>();
let socket: WebSocket | null = null;
let wanted = false;
let tries = 0;
let heardMs = 0;
let fresh: Freshness = { state: 'connecting', sinceMs: nowMs(), asOfMs: 0 };
const freshWatchers = new Set<() => void>();
let cancelRetry: (() => void) | null = null;
let stopWatch: (() => void) | null = null;

// -- for components ------------------------------------------------------------------------------------------------------------------
function show(table: Table): Rows<unknown> {
  let list: readonly unknown[] | null = null;
  return {
    rows: table.rows,
    get list() {
      list ??= [...table.rows.values()];
      return list;
    },
    whole: table.whole,
    refused: table.refused,
  };
}
const dirty = new Set<Channel>();
let painting = false;
function paintSoon() {
  if (painting) return;
  painting = true;
  requestAnimationFrame(() => {
    painting = false;
    for (const channel of dirty) {
      channel.shown = show(channel.table);
      for (const each of channel.watchers) each();
    }
    dirty.clear();
    for (const each of freshWatchers) each();
  });
}
function setFresh(change: Partial<Freshness>) {
  const state = change.state ?? fresh.state;
  fresh = { ...fresh, ...change, sinceMs: state === fresh.state ? fresh.sinceMs : nowMs() };
  paintSoon();
}
export const freshness = (): Freshness => fresh;
export function watchFreshness(changed: () => void): () => void {
  freshWatchers.add(changed);
  return () => freshWatchers.delete(changed);
}

function channelOf(name: string): Channel {
  let channel = open.get(name);
  if (!channel) {
    const kind = name.split(':')[0] as string;
    const table = createTable(channels[kind] ?? 'id', most[kind]);
    channel = { name, table, users: 0, shown: show(table), watchers: new Set(), leave: null };
    open.set(name, channel);
  }
  return channel;
}
export const rowsOf = (name: string): Rows<unknown> => channelOf(name).shown;
/** Listens to a channel until the returned function is called. */
export function watchRows(name: string, changed: () => void): () => void {
  const channel = channelOf(name);
  channel.watchers.add(changed);
  channel.leave?.();
  if (channel.users++ === 0 && channel.leave === null) askSoon(channel);
  channel.leave = null;
  return () => {
    channel.watchers.delete(changed);
    if (--channel.users > 0) return;
    channel.leave = after(lingerMs, () => {
      channel.leave = null;
      tell({ type: 'unsubscribe', channels: [name] });
      // The channel of a single thing is dropped; a table is continued where it was.
      if (name.includes(':')) open.delete(name);
    });
  };
}

// -- the connection ----------------------------------------------------------------------------------------------------------------
function tell(request: ConsoleRequest) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(request));
}
function ask(asked: Iterable<Channel>) {
  const list = Array.from(asked, ({ name, table: { epoch, seq, whole, arriving } }) => ({
    channel: name,
    ...(epoch !== null && whole && arriving === null ? { epoch, seq } : {}),
  }));
  if (list.length > 0) tell({ type: 'subscribe', channels: list });
}
const asking = new Set<Channel>();
function askSoon(channel: Channel) {
  if (asking.size === 0) {
    queueMicrotask(() => {
      ask(asking);
      asking.clear();
    });
  }
  asking.add(channel);
}

function hear(message: ConsoleMessage) {
  heardMs = monotonicMs();
  tries = 0;
  for (const frame of message) {
    if (frame.type === 'as-of') continue;
    const channel = open.get(frame.channel);
    if (!channel) continue;
    const what = apply(channel.table, frame as ChannelFrame);
    if (what === 'again') {
      channel.table.epoch = null;
      askSoon(channel);
    } else if (what === 'changed') dirty.add(channel);
  }
  const last = message.at(-1);
  if (!last) return;
  learnTime(last.asOfMs);
  setFresh({ state: 'live', asOfMs: last.asOfMs });
}

/** The longest pause between two attempts: a page is live this soon after the coordinator is back. */
const longestWaitMs = 5_000;
const signsOfLife = ['visibilitychange', 'online', 'focus', 'pointerdown', 'keydown'];
/** Makes the next attempt. */
let again: () => Promise<void> = async () => {};
let triedMs = Number.NEGATIVE_INFINITY;

function connect() {
  cancelRetry = null;
  if (!wanted) return;
  const mine = new WebSocket(addressOf('consoleFeed').replace(/^/, location.origin.replace(/^http/, 'ws')));
  socket = mine;
  let opened = false;
  heardMs = monotonicMs();
  mine.onopen = () => {
    opened = true;
    ask([...open.values()].filter(({ users, leave }) => users > 0 || leave !== null));
  };
  mine.onmessage = ({ data }) => hear(JSON.parse(data as string) as ConsoleMessage);
  mine.onclose = ({ code }) => {
    if (socket !== mine) return;
    socket = null;
    if (!wanted) return;
    setFresh({ state: fresh.asOfMs === 0 ? 'connecting' : 'away' });
    if (code === signedOutCode) return sessionEnded();
    again = async () => {
      cancelRetry?.();
      cancelRetry = null;
      triedMs = monotonicMs();
      // A browser does not report why a handshake was refused, so a request checks whether the session is valid.
      if (!opened) await call('me').catch(() => {});
      if (socket === null) connect();
    };
    cancelRetry = after(backoffMs(tries++, 400, longestWaitMs), again);
  };
}
/** A person looks at the page: the next attempt is made at once, at most one in a second. */
function hurry() {
  if (!wanted || socket || !cancelRetry || document.hidden || monotonicMs() - triedMs < 1_000) return;
  void again();
}
/** A connection that was silent for too long is given up; after a sleep of the machine at once. */
function check() {
  if (!wanted || monotonicMs() - heardMs < silenceMs) return;
  const dead = socket;
  socket = null;
  dead?.close();
  cancelRetry?.();
  setFresh({ state: fresh.asOfMs === 0 ? 'connecting' : 'away' });
  connect();
}

export function openFeed(): void {
  wanted = true;
  connect();
  stopWatch = every(2_000, check);
  document.addEventListener('visibilitychange', check);
  addEventListener('online', check);
  for (const sign of signsOfLife) addEventListener(sign, hurry, true);
}
/** Forgets all state: the next person starts anew. */
export function closeFeed(): void {
  wanted = false;
  stopWatch?.();
  cancelRetry?.();
  document.removeEventListener('visibilitychange', check);
  removeEventListener('online', check);
  for (const sign of signsOfLife) removeEventListener(sign, hurry, true);
  socket?.close();
  socket = null;
  open.clear();
  fresh = { state: 'connecting', sinceMs: nowMs(), asOfMs: 0 };
}
