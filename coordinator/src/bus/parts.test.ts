// The broker's small parts by themselves: the retained trie against a plain reading of the MQTT rules, the framing guard
// against streams cut at every place, the bounded log of refusals.
import { systemClock } from '@blackroad/std/clock';
import { type Log, silentLog } from '@blackroad/std/log';
import fc from 'fast-check';
import t from 'tap';
import { createRefusals } from '../door/counted-refusals.ts';
import { createPacketGuard } from './packet-guard.ts';
import { createRetainedStore } from './retained.ts';

/** MQTT 3.1.1 section 4.7, said slowly. */
function matches(filter: string, topic: string): boolean {
  const [wanted, levels] = [filter.split('/'), topic.split('/')];
  if (topic.startsWith('$') && (wanted[0] === '+' || wanted[0] === '#')) return false;
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '#') return true;
    if (i >= levels.length || (wanted[i] !== '+' && wanted[i] !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}

t.test('the trie finds what a scan finds, and forgets whole', async () => {
  const name = fc.constantFrom('a', 'b', 'c', '', '$x');
  const topics = fc.array(
    fc.array(name, { minLength: 1, maxLength: 4 }).map((l) => l.join('/')),
    { maxLength: 30 },
  );
  const filters = fc
    .tuple(fc.array(fc.oneof(name, fc.constant('+')), { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([levels, hash]) => [...levels, ...(hash ? ['#'] : [])].join('/'));
  fc.assert(
    fc.property(topics, topics, filters, (kept, removed, filter) => {
      const store = createRetainedStore();
      const plain = new Set<string>();
      const put = (topic: string, text: string) => store.set({ topic, payload: Buffer.from(text), qos: 1 });
      for (const topic of kept) {
        put(topic, 'old');
        put(topic, 'new');
        plain.add(topic);
      }
      for (const topic of removed) {
        put(topic, '');
        plain.delete(topic);
      }
      const found = [...store.match(filter)].map(({ topic }) => topic).sort();
      const expected = [...plain].filter((topic) => matches(filter, topic)).sort();
      return store.size === plain.size && JSON.stringify(found) === JSON.stringify(expected);
    }),
    { numRuns: 2_000 },
  );
});

t.test('the guard sees the same packets however the stream is cut', async (t) => {
  const packet = (type: number, size: number) => {
    const length: number[] = [];
    let rest = size;
    do {
      length.push((rest & 127) | (rest > 127 ? 128 : 0));
      rest >>= 7;
    } while (rest > 0);
    return Buffer.concat([Buffer.from([type << 4, ...length]), Buffer.alloc(size, 0xff)]);
  };
  const limits = { firstBytes: 300, bytes: 20_000 };
  const run = (stream: Buffer, cuts: number[]) => {
    const guard = createPacketGuard(limits);
    let at = 0;
    for (const cut of cuts) {
      const fault = guard(stream.subarray(at, at + cut));
      at += cut;
      if (fault) return fault;
    }
    return guard(stream.subarray(at));
  };
  fc.assert(
    fc.property(
      fc.nat(400),
      fc.array(fc.oneof(fc.nat(300), fc.integer({ min: 16_000, max: 22_000 })), { maxLength: 8 }),
      fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 60 }),
      (first, sizes, cuts) => {
        const stream = Buffer.concat([packet(1, first), ...sizes.map((size) => packet(3, size))]);
        const fits = first <= limits.firstBytes && sizes.every((size) => size <= limits.bytes);
        return run(stream, cuts) === (fits ? null : 'packet-too-large');
      },
    ),
    { numRuns: 1_000 },
  );
  t.equal(run(packet(3, 2), []), 'no-connect');
  t.equal(run(Buffer.from([0x10, 255, 255, 255, 255]), [1, 1, 1]), 'malformed');
  const guard = createPacketGuard(limits);
  t.equal(guard(Buffer.from([0x20])), 'no-connect');
  t.equal(guard(Buffer.from([0, 0])), 'no-connect', 'once bad, always bad');
});

t.test('refusals are all counted and some are told', async (t) => {
  const lines: [object, string][] = [];
  const log: Log = { ...silentLog, warn: (fields, message) => lines.push([fields, message]) };
  let nowMs = 0;
  const refusals = createRefusals(log, { ...systemClock, monotonicMs: () => nowMs });
  for (let i = 0; i < 1_000; i++) refusals.note('topic', { node: 'alice' }, 'publish refused');
  refusals.note('tls', {}, 'handshake failed');
  t.same(refusals.counts(), { topic: 1000, tls: 1 });
  t.equal(lines.length, 11);
  nowMs = 60_000;
  refusals.note('topic', { node: 'alice' }, 'publish refused');
  t.same(lines.slice(11), [
    [{ reason: 'topic', notShown: 990 }, 'more refusals of this kind were counted, not shown'],
    [{ node: 'alice', reason: 'topic' }, 'publish refused'],
  ]);
  for (let i = 0; i < 500; i++) refusals.note(`reason ${i}`, {}, 'made up');
  t.ok(Object.keys(refusals.counts()).length <= 101, 'reasons that grow do not fill memory');
});
