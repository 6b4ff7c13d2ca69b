// What no client may do to an embedded broker, whichever Aedes is behind it: packets that are valid and meant badly. Aedes 1.2 withstands them,
// 2.0.0-beta.1 by itself does not. In: a door that people enter with a key, and what arrives at the coordinator. Out: tap assertions. MQTT is
// spoken byte by byte here, as no library sends this.
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { maxQos2InFlight } from '@blackroad/protocol';
import { systemClock, withDeadline } from '@blackroad/std/clock';
import type { Test } from 'tap';
import { type Inbox, root } from '../fixtures/coordinator/bus-rig.ts';

export interface DoorRig {
  port: number;
  /** PEM of the CA of the door. */
  ca: string;
  /** What arrives at the coordinator. */
  inbox: Inbox;
  /** A key that may ask. */
  key: { id: string; secret: string };
}

const ask = `${root}/agent/echo/ask`;
const deadlineMs = 10_000;
/** Types of packets, as their first byte has them. */
const [pubrec, pubcomp, unsuback, pingresp] = [0x50, 0x70, 0xb0, 0xd0];

const int16 = (n: number) => Buffer.from([n >> 8, n & 0xff]);
const field = (value: string) => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
function packet(type: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length: number[] = [];
  for (let left = body.length; ; left >>= 7) {
    length.push(left > 127 ? (left & 0x7f) | 0x80 : left);
    if (left <= 127) break;
  }
  return Buffer.concat([Buffer.from([type, ...length]), body]);
}

interface Speaker {
  socket: TLSSocket;
  /** Resolves when so many packets of this type came; rejects when the connection ends before. */
  heard(type: number, many: number): Promise<void>;
  count(type: number): number;
  ended: Promise<void>;
}

/** A connection in MQTT 3.1.1 that was let in. */
async function speak(rig: DoorRig, clientId: string): Promise<Speaker> {
  const socket = tlsConnect({ host: '127.0.0.1', port: rig.port, ca: rig.ca });
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.once('secureConnect', () => resolve()));
  const counts = new Map<number, number>();
  const looks = new Set<() => void>();
  let rest = Buffer.alloc(0);
  socket.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    // Every packet that these tests hear is shorter than 128 bytes.
    while (rest.length >= 2 && rest.length >= 2 + (rest[1] as number)) {
      const type = (rest[0] as number) & 0xf0;
      counts.set(type, (counts.get(type) ?? 0) + 1);
      rest = rest.subarray(2 + (rest[1] as number));
    }
    for (const look of looks) look();
  });
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const count = (type: number) => counts.get(type) ?? 0;
  const heard = (type: number, many: number) => {
    const enough = new Promise<void>((resolve, reject) => {
      const look = () => {
        if (count(type) < many) return;
        looks.delete(look);
        resolve();
      };
      looks.add(look);
      void ended.then(() => reject(new Error('the connection ended')));
      look();
    });
    return withDeadline(systemClock, deadlineMs, enough, () => new Error(`heard ${count(type)} of ${many}`));
  };
  socket.write(
    packet(
      0x10,
      field('MQTT'),
      Buffer.from([4, 0xc2, 0, 0]),
      field(clientId),
      field(rig.key.id),
      field(rig.key.secret),
    ),
  );
  await heard(0x20, 1);
  return { socket, heard, count, ended };
}

const publish2 = (id: number, text: string) => packet(0x34, field(ask), int16(id), Buffer.from(text));
const pubrel = (id: number) => packet(0x62, int16(id));
const ping = packet(0xc0);

/** The door lets in and answers, and the coordinator hears. */
async function isWell(t: Test, rig: DoorRig, text: string): Promise<void> {
  const other = await speak(rig, `well-${text}`);
  other.socket.write(packet(0x32, field(ask), int16(1), Buffer.from(text)));
  await rig.inbox.wait(({ payload }) => payload.toString() === text);
  t.pass('the broker is well');
  other.socket.destroy();
}

export function rudeConformance(t: Test, open: (t: Test) => Promise<DoorRig>): void {
  t.test('names of a prototype are filters like others', async (t) => {
    const rig = await open(t);
    const rude = await speak(rig, 'rude');
    const names = ['hasOwnProperty', 'constructor', '__proto__', 'toString'];
    for (const [at, name] of names.entries()) rude.socket.write(packet(0xa2, int16(at + 1), field(name)));
    rude.socket.write(packet(0xa2, int16(9), ...names.map(field)));
    // A subscription to them is refused, and then they are unsubscribed from again.
    rude.socket.write(packet(0x82, int16(10), ...names.map((name) => Buffer.concat([field(name), Buffer.from([1])]))));
    await rude.heard(unsuback, names.length + 1);
    await rude.heard(0x90, 1);
    await isWell(t, rig, 'after prototypes');
    rude.socket.destroy();
  });

  t.test('a PUBREL three times in one segment is one message', async (t) => {
    const rig = await open(t);
    const rude = await speak(rig, 'rude');
    rude.socket.write(publish2(7, 'once'));
    await rude.heard(pubrec, 1);
    rude.socket.write(Buffer.concat([pubrel(7), pubrel(7), pubrel(7)]));
    await rude.heard(pubcomp, 3);
    await isWell(t, rig, 'after releases');
    const said = rig.inbox.messages.map(({ payload }) => payload.toString());
    t.equal(said.filter((text) => text === 'once').length, 1);
    rude.socket.destroy();
  });

  t.test('messages of QoS 2 that are begun and never finished are bounded', async (t) => {
    const rig = await open(t);
    const rude = await speak(rig, 'rude');
    const many = maxQos2InFlight * 20;
    rude.socket.write(Buffer.concat(Array.from({ length: many }, (_, i) => publish2(i + 1, `half ${i}`))));
    rude.socket.write(ping);
    await Promise.race([rude.ended, rude.heard(pingresp, 1)]).catch(() => {});
    t.ok(rude.count(pubrec) <= maxQos2InFlight, `${rude.count(pubrec)} were begun`);
    rude.socket.destroy();
    await rude.ended;
    await isWell(t, rig, 'after halves');
  });
}
