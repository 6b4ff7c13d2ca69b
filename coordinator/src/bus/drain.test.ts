// Who is given up for not reading, and who is not: TLS connections between real sockets, looks by hand instead of by time.
import { connect, createServer, type TLSSocket } from 'node:tls';
import { systemClock } from '@blackroad/std/clock';
import t, { type Test } from 'tap';
import { openTestCa, type TestCa } from '../../../test/fixtures/coordinator/test-ca.ts';
import { createDrain } from './drain.ts';

const home: TestCa = await openTestCa();
t.teardown(() => home.close());
const identity = await home.ca.issueServer({ hosts: [] });
/** More than the kernel holds between two sockets. */
const bytes = 14_000_000;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A reader that has not begun to read, what waits for it, and one look at it. */
async function open(t: Test) {
  const server = createServer(identity);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const accepted = new Promise<TLSSocket>((resolve) => server.once('secureConnection', resolve));
  const reader = connect({ port, host: '127.0.0.1', ca: home.ca.pem });
  const writer = await accepted;
  t.teardown(() => {
    reader.destroy();
    writer.destroy();
    server.close();
  });
  for (const socket of [reader, writer]) socket.on('error', () => {});
  let look: (() => void) | null = null;
  const clock = {
    ...systemClock,
    every(periodMs: number, run: () => void) {
      t.equal(periodMs, 2_500, 'two looks within the patience');
      look = run;
      return { cancel: () => (look = null) };
    },
  };
  const seen = { stalls: 0, released: 0 };
  const wait = createDrain(writer, { stallMs: 5_000, clock, onStall: () => seen.stalls++ });
  const piece = Buffer.alloc(70_000);
  for (let sent = 0; sent < bytes; sent += piece.length) writer.write(piece);
  wait(() => seen.released++);
  wait(() => seen.released++);
  return { reader, writer, wait, seen, look: () => look?.(), looks: () => look !== null };
}

t.test(
  'one that takes no byte is given up, not at the first look, and what waits for it is released once',
  async (t) => {
    const { writer, wait, seen, look, looks } = await open(t);
    let looked = 0;
    // The kernel goes on taking its part for a few turns.
    while (looks() && looked < 1_000) {
      looked++;
      look();
      await turn();
    }
    t.ok(looked >= 2, 'after one long turn of our own everybody seems to have stopped');
    t.equal(seen.stalls, 1);
    await turn();
    t.equal(seen.released, 2);
    t.notOk(looks(), 'nobody looks any more');
    writer.destroy();
    wait(() => seen.released++);
    await turn();
    t.equal(seen.released, 3, 'and whoever waits for a connection that is gone waits for nothing');
  },
);

t.test('one that takes a little between two looks is never given up, and then has all', async (t) => {
  const { reader, writer, seen, look, looks } = await open(t);
  let read = 0;
  reader.on('readable', () => {});
  let slowLooks = 0;
  while (looks()) {
    // A fifth of what there is, and the connection is still behind.
    const goal = Math.min(bytes, read + bytes / 5);
    while (read < goal) {
      read += (reader.read(Math.min(goal - read, reader.readableLength || 1)) as Buffer | null)?.length ?? 0;
      await turn();
    }
    if (writer.writableNeedDrain) slowLooks++;
    look();
  }
  t.equal(seen.stalls, 0);
  t.ok(slowLooks >= 2, `${slowLooks} looks while much was waiting`);
  await turn();
  t.equal(seen.released, 2);
});

t.test('the end of a connection releases what waits for it', async (t) => {
  const { writer, seen, looks } = await open(t);
  writer.destroy();
  await new Promise((resolve) => writer.once('close', resolve));
  await turn();
  t.same([seen.released, seen.stalls, looks()], [2, 0, false]);
});
