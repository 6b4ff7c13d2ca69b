// A console for tests: a real WebSocket client that applies frames as protocol says, and complains of whatever does not fit.
import { type ConsoleFrame, ConsoleMessage, faults, feedChannels, feedDetails, readChannel } from '@blackroad/protocol';
import { WebSocket } from 'ws';

export interface ClientTable {
  epoch: string;
  seq: number;
  whole: boolean;
  rows: Map<string, Record<string, unknown>>;
  /** How often it was begun anew by a snapshot. */
  snapshots: number;
  refused: string | null;
}
export interface FeedClient {
  socket: WebSocket;
  frames: ConsoleFrame[];
  tables: Map<string, ClientTable>;
  /** What did not fit: a gap in the numbers, a row that does not have its form. */
  complaints: string[];
  status: Promise<number>;
  ask(request: object | string): void;
  subscribe(...channels: (string | { channel: string; epoch?: string; seq?: number })[]): void;
  rows<T = Record<string, unknown>>(channel: string): T[];
  row<T = Record<string, unknown>>(channel: string, key: string): T | undefined;
  until<T>(look: () => T | undefined | null | false): Promise<T>;
  ended(): { code: number; reason: string } | null;
}

export function openConsole(port: number, headers: Record<string, string>): FeedClient {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/console-feed`, { headers });
  const frames: ConsoleFrame[] = [];
  const tables = new Map<string, ClientTable>();
  const complaints: string[] = [];
  const waiting: (() => void)[] = [];
  let ended: { code: number; reason: string } | null = null;
  const wake = () => {
    for (const look of waiting.splice(0)) look();
  };
  const complain = (text: string) => void complaints.push(text);

  function put(channel: string, table: ClientTable, rows: Record<string, unknown>[]) {
    const about = readChannel(channel);
    if (!about) throw new Error(`${channel} is no channel`);
    const { key, row: schema } = about.of === null ? feedChannels[about.table] : feedDetails[about.table];
    for (const row of rows) {
      const [fault] = faults(schema, row);
      if (fault) complain(`${channel}: ${fault.field}: expected ${fault.expected}, got ${fault.got}`);
      table.rows.set(key === '' ? '' : String(row[key]), row);
    }
    return key;
  }
  function take(frame: ConsoleFrame) {
    if (frame.type === 'as-of') return;
    const { channel } = frame;
    let table = tables.get(channel);
    if (!table) {
      table = { epoch: '', seq: -1, whole: false, rows: new Map(), snapshots: 0, refused: null };
      tables.set(channel, table);
    }
    if (frame.type === 'refused') {
      table.refused = frame.detail;
      return;
    }
    if (frame.type === 'resumed') {
      if (frame.epoch !== table.epoch || frame.seq !== table.seq) complain(`${channel}: resumed at another place`);
      table.whole = true;
      return;
    }
    table.epoch = frame.epoch;
    if (frame.type === 'snapshot') {
      if (frame.part === 1) {
        table.rows.clear();
        table.snapshots++;
        table.seq = frame.seq;
      } else if (frame.seq !== table.seq) complain(`${channel}: part ${frame.part} at ${frame.seq}, not ${table.seq}`);
      put(channel, table, frame.rows);
      table.whole = frame.part === frame.parts;
      return;
    }
    if (frame.seq !== table.seq + 1) complain(`${channel}: ${frame.seq} came after ${table.seq}`);
    table.seq = frame.seq;
    const key = put(channel, table, frame.put);
    for (const patch of frame.patch) {
      const known = table.rows.get(String(patch[key]));
      if (known) put(channel, table, [{ ...known, ...patch }]);
      else if (table.whole) complain(`${channel}: a patch of ${patch[key]}, which is not there`);
    }
    for (const gone of frame.gone) table.rows.delete(String(gone));
  }
  socket.on('message', (data) => {
    const message = JSON.parse(String(data));
    const [fault] = faults(ConsoleMessage, message);
    if (fault) complain(`message: ${fault.field}: expected ${fault.expected}, got ${fault.got}`);
    for (const frame of message as ConsoleMessage) {
      frames.push(frame);
      take(frame);
    }
    wake();
  });
  const status = new Promise<number>((resolve) => {
    socket.on('open', () => resolve(101));
    socket.on('unexpected-response', (_request, answer) => resolve(answer.statusCode ?? 0));
    socket.on('error', () => {});
  });
  socket.on('close', (code, reason) => {
    ended = { code, reason: String(reason) };
    wake();
  });
  const client: FeedClient = {
    socket,
    frames,
    tables,
    complaints,
    status,
    ask(request) {
      const text = typeof request === 'string' ? request : JSON.stringify(request);
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
      else socket.once('open', () => socket.send(text));
    },
    subscribe(...channels) {
      client.ask({
        type: 'subscribe',
        channels: channels.map((each) => (typeof each === 'string' ? { channel: each } : each)),
      });
    },
    rows: <T>(channel: string) => [...(tables.get(channel)?.rows.values() ?? [])] as T[],
    row: <T>(channel: string, key: string) => tables.get(channel)?.rows.get(key) as T | undefined,
    async until(look) {
      for (;;) {
        const found = look();
        if (found) return found;
        if (ended) throw new Error(`closed: ${ended.code} ${ended.reason}`);
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    ended: () => ended,
  };
  return client;
}
