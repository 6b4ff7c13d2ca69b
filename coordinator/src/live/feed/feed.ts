// The console's live feed: which console listens to which channels, when a frame is sent, and what a console that came back gets. Each
// channel is encoded once; consoles of the same channels share one message. Snapshots are sent one part in a turn of the event loop, each
// part only when the console has read the one before. Consoles, channels, requests and unread bytes are bounded. It decides nothing, and
// reads the store only for the past that a task's own channel asks for.
import {
  ConsoleRequest,
  cutToBytes,
  faults,
  maxCloseBytes,
  maxFeedChannels,
  maxFeedRecentRows,
  maxFeedRequestBytes,
  readChannel,
} from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { WebSocket } from 'ws';
import type { Coordinator } from '../../road/coordinator.ts';
import type { Touched } from '../../state/touched.ts';
import { Channels, type ChannelsParts } from './channels.ts';

const batchMs = 250;
/** The interval of frames without a change: the time that a console shows as "as of" stays true. */
const quietMs = 5_000;
const pingMs = 15_000;
/** The next part of a snapshot is sent when no more than this is unread. */
const partUnreadBytes = 512 * 1024;
/** Bytes of snapshots in one turn of the event loop: some milliseconds of work. */
const turnBytes = 1_500_000;
/** Making a part takes about as long as sending it to this many consoles. */
const madeCost = 4;
/** After this time without a console the rows are dropped; the next console gets a snapshot. */
const coolAfterMs = 10 * 60_000;
/** A console asks when a page opens; more requests come from a faulty loop. */
const maxRequests = 120;
const requestWindowMs = 10_000;

interface Snapshot {
  keys: readonly string[];
  next: number;
}
interface Console {
  socket: WebSocket;
  stillIn: () => boolean;
  alive: boolean;
  /** The channels, with the next key of each snapshot: null when it is complete; `wait` while its rows are being made. */
  channels: Map<string, Snapshot | 'wait' | null>;
  sentMs: number;
  requests: number;
  requestsSinceMs: number;
}
/** The last frame that a console which comes back has had. */
interface Place {
  epoch?: string;
  seq?: number;
}
interface FeedParts extends Omit<ChannelsParts, 'view' | 'store'> {
  coordinator: Coordinator;
  clock: Clock;
  log: Log;
  limits: { consoles: number; backlogBytes: number };
}

export async function createConsoleFeed(parts: FeedParts): Promise<ConsoleFeed> {
  const { view, store } = parts.coordinator;
  // The past is read once; changes of that time arrive through `note` and are newer.
  const [tasks, events] = await Promise.all([
    store.tasks({ limit: maxFeedRecentRows }),
    store.events({ limit: maxFeedRecentRows }),
  ]);
  const past = { tasks: tasks.reverse(), events: events.reverse() };
  return new ConsoleFeed(parts, new Channels({ ...parts, view, store }, past));
}

export class ConsoleFeed {
  readonly #parts: FeedParts;
  readonly #channels: Channels;
  readonly #consoles = new Set<Console>();
  readonly #timers: Timer[];
  #cut = 0;
  #messages = 0;
  #idleSinceMs: number;
  #isPumping = false;

  constructor(parts: FeedParts, channels: Channels) {
    const { clock } = parts;
    this.#parts = parts;
    this.#channels = channels;
    this.#idleSinceMs = clock.monotonicMs();
    this.#timers = [clock.every(batchMs, () => this.#beat()), clock.every(pingMs, () => this.#ping())];
  }

  /** Accepts a console, or closes its socket when there are too many. `stillIn`: called at every ping; false ends the console. */
  open(socket: WebSocket, stillIn: () => boolean): void {
    const { clock, limits } = this.#parts;
    if (this.#consoles.size >= limits.consoles) {
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
    socket.on('close', () => this.#consoles.delete(console));
    socket.on('message', (data) => this.#heard(console, String(data)));
    this.#consoles.add(console);
    this.#send(console, [this.#frameOf('as-of', {})]);
  }

  /** `touched`: the rows of a batch, and the agents whose state depends on them. */
  note(touched: Touched, followers: readonly string[]): void {
    this.#channels.note(touched, followers);
  }

  counts(): { consoles: number; cut: number; messages: number } {
    return { consoles: this.#consoles.size, cut: this.#cut, messages: this.#messages };
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
    for (const { socket } of this.#consoles) socket.close(1001, 'the coordinator is stopping');
    this.#consoles.clear();
  }

  #send(console: Console, frames: readonly Buffer[]): void {
    console.sentMs = this.#parts.clock.monotonicMs();
    this.#messages++;
    console.socket.send(joined(frames), { binary: false });
  }
  #frameOf(type: 'resumed' | 'refused' | 'as-of', fields: object): Buffer {
    const { epoch, clock } = this.#parts;
    return Buffer.from(JSON.stringify({ type, epoch, asOfMs: clock.nowMs(), ...fields }));
  }
  #refuse(console: Console, channel: string, detail: string): void {
    console.channels.delete(channel);
    this.#send(console, [this.#frameOf('refused', { channel, detail })]);
  }

  #beat(): void {
    const { clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    this.#channels.lookAtAlerts();
    if (this.#consoles.size === 0) {
      if (nowMs - this.#idleSinceMs > coolAfterMs) {
        this.#channels.cool();
        this.#idleSinceMs = nowMs;
      }
      return;
    }
    this.#idleSinceMs = nowMs;
    const wanted = new Set<string>();
    for (const { channels } of this.#consoles) for (const channel of channels.keys()) wanted.add(channel);
    this.#tell(this.#channels.beat(wanted, clock.nowMs()), nowMs);
    this.#channels.endBeat(wanted);
    this.#pump();
  }
  /** Sends each console the frames of its channels; a console that does not read is disconnected. */
  #tell(frames: ReadonlyMap<string, Buffer>, nowMs: number): void {
    const { limits, log } = this.#parts;
    const shared = new Map<string, Buffer>();
    for (const console of this.#consoles) {
      if (console.socket.bufferedAmount > limits.backlogBytes) {
        this.#cut++;
        log.warn({ unread: console.socket.bufferedAmount }, 'a console that does not read its feed was cut off');
        this.#consoles.delete(console);
        console.socket.terminate();
        continue;
      }
      let key = '';
      const own: Buffer[] = [];
      for (const [channel, frame] of frames) {
        // Before its first part a console has no rows that a delta could change.
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
        this.#messages++;
        console.socket.send(message, { binary: false });
      } else if (nowMs - console.sentMs >= quietMs) this.#send(console, [this.#frameOf('as-of', {})]);
    }
  }

  /** Sends the next parts of unfinished snapshots to consoles that have read enough; continues in the next turn. */
  #pump(): void {
    if (this.#isPumping) return;
    const { clock } = this.#parts;
    const asOfMs = clock.nowMs();
    let budget = turnBytes;
    let more = false;
    const served: Console[] = [];
    for (const console of this.#consoles) {
      const channel = console.socket.bufferedAmount > partUnreadBytes ? undefined : nextSnapshot(console);
      if (channel === undefined) continue;
      more = true;
      if (budget <= 0) break;
      served.push(console);
      budget -= this.#sendPart(console, channel, asOfMs);
    }
    // A console that got a part goes to the end, so that each has its turn.
    for (const console of served) {
      if (!this.#consoles.delete(console)) continue;
      this.#consoles.add(console);
    }
    if (!more) return;
    this.#isPumping = true;
    clock.soon(() => {
      this.#isPumping = false;
      this.#pump();
    });
  }
  /** Returns the cost in bytes; making rows costs as much as sending them. */
  #sendPart(console: Console, channel: string, asOfMs: number): number {
    const at = console.channels.get(channel) ?? 'wait';
    const table = this.#channels.table(channel);
    if (!table) {
      console.channels.delete(channel);
      return 0;
    }
    if (at === 'wait' && !table.prime()) return turnBytes;
    // The keys are taken with the first part: rows that are added later come as deltas.
    const { keys, next: from } = at === 'wait' ? { keys: table.keys(), next: 0 } : at;
    const { frame, next, made } = table.part(keys, from, asOfMs);
    console.channels.set(channel, next === null ? null : { keys, next });
    this.#send(console, [frame]);
    return frame.length * (made ? madeCost : 1);
  }

  #heard(console: Console, text: string): void {
    const { clock, log } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (nowMs - console.requestsSinceMs > requestWindowMs) {
      console.requestsSinceMs = nowMs;
      console.requests = 0;
    }
    const request = readRequest(text);
    if (typeof request === 'string' || ++console.requests > maxRequests) {
      const why = typeof request === 'string' ? request : `expected at most ${maxRequests} requests in 10 s, got more`;
      console.socket.close(1008, cutToBytes(why, maxCloseBytes));
      return;
    }
    if (request.type === 'unsubscribe') for (const channel of request.channels) console.channels.delete(channel);
    else
      for (const { channel, ...from } of request.channels)
        this.#openChannel(console, channel, from).catch((error) => {
          log.warn({ err: error, channel }, 'a channel could not be opened');
          if (this.#consoles.has(console)) this.#refuse(console, channel, 'The data could not be read; try again.');
        });
  }
  async #openChannel(console: Console, channel: string, from: Place): Promise<void> {
    const channels = this.#channels;
    const about = readChannel(channel);
    if (about?.table === 'task' && !channels.table(channel)) await channels.findTask(about.of);
    if (!this.#consoles.has(console)) return;
    if (!channels.table(channel) && !channels.open(channel)) {
      this.#refuse(console, channel, `There is no ${about?.table} "${about?.of}".`);
      return;
    }
    this.#subscribe(console, channel, from);
    this.#pump();
  }
  #subscribe(console: Console, channel: string, from: Place): void {
    if (!console.channels.has(channel) && console.channels.size >= maxFeedChannels) {
      this.#refuse(console, channel, `expected at most ${maxFeedChannels} channels, got one more`);
      return;
    }
    const table = this.#channels.table(channel);
    if (!table) return;
    const missed = from.epoch === this.#parts.epoch && from.seq !== undefined ? table.since(from.seq) : null;
    if (missed === null) {
      console.channels.set(channel, 'wait');
      return;
    }
    console.channels.set(channel, null);
    this.#send(console, [this.#frameOf('resumed', { channel, seq: from.seq }), ...missed]);
  }

  #ping(): void {
    for (const console of this.#consoles) {
      const { socket } = console;
      if (!console.stillIn()) {
        this.#consoles.delete(console);
        socket.close(4401, 'signed out');
      } else if (!console.alive) {
        this.#consoles.delete(console);
        socket.terminate();
      } else {
        console.alive = false;
        socket.ping();
      }
    }
  }
}

function nextSnapshot({ channels }: Console): string | undefined {
  for (const [channel, at] of channels) if (at !== null) return channel;
  return undefined;
}

const opening = Buffer.from('[');
const comma = Buffer.from(',');
const closing = Buffer.from(']');
/** One message of frames that are encoded already. */
function joined(frames: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [opening];
  frames.forEach((frame, i) => {
    if (i > 0) parts.push(comma);
    parts.push(frame);
  });
  parts.push(closing);
  return Buffer.concat(parts);
}

/** The request, or its fault. */
function readRequest(text: string): ConsoleRequest | string {
  if (text.length > maxFeedRequestBytes) return `expected at most ${maxFeedRequestBytes} characters`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'expected a request in JSON';
  }
  const [fault] = faults(ConsoleRequest, value);
  return fault ? `${fault.field}: expected ${fault.expected}, got ${fault.got}` : (value as ConsoleRequest);
}
