// How long a node waits before it dials again: short waits while the coordinator restarts, long ones where the broker accepts it and then
// closes the connection. The test advances the time and dials itself.
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { ConnectProblem } from '../identity/trust.ts';
import type { LinkOptions } from './dial.ts';
import { Outbox } from './outbox.ts';
import { createTransport } from './transport.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

function rig(t: { teardown(run: () => unknown): void }, seed: number) {
  const clock = new HandClock();
  const broker = { isThere: true };
  const dials: number[] = [];
  let cut: ((problem: ConnectProblem) => void) | null = null;
  const outbox = new Outbox({ path: ':memory:', clock, log: silent });
  const transport = createTransport({
    identity: () => ({ node: 'alice' }) as never,
    outbox,
    clock,
    random: seededRandom(seed),
    log: silent,
    keepaliveS: 30,
    boot: '0123456789abcdef',
    hold: () => () => {},
    async dial({ onClose }: LinkOptions) {
      dials.push(clock.monotonicMs());
      if (!broker.isThere) throw new ConnectProblem('connection refused');
      cut = onClose;
      return { publish: async () => {}, subscribe: async () => {}, backlogBytes: 0, end: async () => {}, destroy() {} };
    },
  });
  t.teardown(() => outbox.close());
  transport.start({ onUp() {}, onDown() {}, onMessage() {}, onRefused() {} });
  return {
    clock,
    dials,
    transport,
    lose() {
      broker.isThere = false;
      cut?.(new ConnectProblem('the broker closed it'));
    },
    comeBack: () => {
      broker.isThere = true;
    },
    cut: () => cut?.(new ConnectProblem('the broker closed it')),
  };
}

t.test('a coordinator that dies again seconds after it came back is met again within seconds', async (t) => {
  const waits: number[] = [];
  for (let seed = 1; seed <= 50; seed++) {
    const node = rig(t, seed);
    await node.clock.advance(60_000);
    for (let death = 1; death <= 2; death++) {
      node.lose();
      // A restart takes this long; each node dials in vain a few times meanwhile.
      await node.clock.advance(4_000);
      node.comeBack();
      const backMs = node.clock.monotonicMs();
      while (!node.transport.connected) await node.clock.advance(100);
      waits.push(node.clock.monotonicMs() - backMs);
      await node.clock.advance(5_000);
    }
  }
  t.ok(Math.max(...waits) <= 2_100, `the slowest of 50 was back after ${Math.max(...waits)} ms`);
});

t.test('a broker that lets a node in and throws it out is dialled more and more seldom', async (t) => {
  const node = rig(t, 1);
  const atMs: number[] = [];
  for (let i = 0; i < 200; i++) {
    await node.clock.advance(1_000);
    if (!node.transport.connected) continue;
    node.cut();
    atMs.push(node.clock.monotonicMs());
  }
  t.ok(atMs.length < 30, `${atMs.length} connections in 200 s`);
  t.ok(atMs.length > 5);
});
