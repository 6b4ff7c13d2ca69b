// A request that waits goes to another place that is free first: where the route says so, fair between keys, never past those who wait there,
// and never to two places.
import type { FleetError } from '@blackroad/protocol';
import fc from 'fast-check';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { type ModelWork, nodeWith } from '../../../test/fixtures/coordinator/model-node.ts';
import { modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { until } from '../../../test/fixtures/until.ts';
import { FairQueue } from './fair-queue.ts';
import { type LanePlace, Lanes, type OwnWait } from './lanes.ts';

const placeOf = (node: string, slots = 1): LanePlace => ({ node, model: 'm', slots, told: undefined });
const settled = () => new Promise((resolve) => setImmediate(resolve));

function rig() {
  const clock = new HandClock();
  const lanes = new Lanes(clock);
  const order: string[] = [];
  const leaves = new Map<string, () => void>();
  interface Given {
    at: string;
    wishes?: string[];
    goes?: (node: string, own: OwnWait) => boolean;
    signal?: AbortSignal;
    idle?: true;
  }
  const enter = (who: string, name: string, { at, wishes = [], goes = () => true, signal, idle }: Given) => {
    let taken = at;
    lanes
      .enter(placeOf(at), {
        ...{ who, signal: signal ?? new AbortController().signal, deadlineMs: 10_000 },
        wishes: () => wishes.map((node) => placeOf(node)),
        goesTo: ({ node }, own) => {
          if (!goes(node, own)) return false;
          taken = node;
          return true;
        },
        ...(idle ? { stepAside: () => {} } : {}),
      })
      .then(
        (leave) => {
          order.push(`${name}@${taken}`);
          leaves.set(name, leave);
        },
        ({ code }: FleetError) => order.push(`${name} ${code}`),
      );
  };
  return { clock, lanes, order, leaves, enter };
}

t.test('who waits goes to the place that is free first, keys in turns, and leaves its own queue', async (t) => {
  const { order, leaves, enter, lanes } = rig();
  for (const node of ['a', 'b']) enter('x', `work ${node}`, { at: node });
  for (const name of ['x1', 'x2']) enter('x', name, { at: 'a', wishes: ['b'] });
  for (const name of ['y1', 'y2']) enter('y', name, { at: 'a', wishes: ['b'] });
  await settled();
  t.same(order, ['work a@a', 'work b@b']);
  for (const name of ['work b', 'x1', 'y1', 'x2', 'y2']) {
    leaves.get(name)?.();
    await settled();
  }
  t.same(order.slice(2), ['x1@b', 'y1@b', 'x2@b', 'y2@b'], 'a is at work all the time');
  leaves.get('work a')?.();
  await settled();
  t.equal(order.length, 6, 'nobody comes twice');
  t.match(lanes.loadOf(placeOf('a')), { busy: 0, waiting: 0 });
  t.match(lanes.loadOf(placeOf('b')), { busy: 0, waiting: 0 });
});

t.test('those who wait for a place come before those who wish for it', async (t) => {
  const { order, leaves, enter } = rig();
  for (const node of ['a', 'b']) enter('x', `work ${node}`, { at: node });
  enter('x', 'wishes', { at: 'a', wishes: ['b'] });
  enter('y', 'waits', { at: 'b' });
  await settled();
  leaves.get('work b')?.();
  await settled();
  t.same(order.slice(2), ['waits@b']);
  leaves.get('waits')?.();
  await settled();
  t.same(order.slice(3), ['wishes@b']);
});

t.test('one that would not go stays in its place of the queue; the next one is asked', async (t) => {
  const { order, leaves, enter } = rig();
  const asked: string[] = [];
  for (const node of ['a', 'b']) enter('x', `work ${node}`, { at: node });
  const goes = (name: string, says: boolean) => (node: string, own: OwnWait) => {
    asked.push(`${name} ${node} ${own.node} ${own.ahead}`);
    return says;
  };
  enter('x', 'stays', { at: 'a', wishes: ['b'], goes: goes('stays', false) });
  enter('x', 'goes', { at: 'a', wishes: ['b'], goes: goes('goes', true) });
  await settled();
  leaves.get('work b')?.();
  await settled();
  t.same(asked, ['stays b a 0', 'goes b a 1'], 'each knows how many are before it where it waits');
  t.equal(order.at(-1), 'goes@b');
  leaves.get('work a')?.();
  await settled();
  t.equal(order.at(-1), 'stays@a');
});

t.test('a node that reports a free slot is asked for, a request that is given up is not', async (t) => {
  const { order, enter, lanes } = rig();
  const abort = new AbortController();
  enter('x', 'work', { at: 'a' });
  enter('x', 'gone', { at: 'a', wishes: ['b'], signal: abort.signal });
  enter('x', 'waits', { at: 'a', wishes: ['b'] });
  await settled();
  abort.abort();
  await settled();
  lanes.heard('b', [{ name: 'm', busy: 0, waiting: 0, slots: 1 }]);
  await settled();
  t.same(order, ['work@a', 'gone unavailable', 'waits@b']);
});

t.test('what has time goes where nobody else is, after everybody else', async (t) => {
  const { order, leaves, enter } = rig();
  for (const node of ['a', 'b']) enter('x', `work ${node}`, { at: node });
  enter('idle', 'batch', { at: 'a', wishes: ['b'], idle: true });
  enter('x', 'person', { at: 'a', wishes: ['b'] });
  await settled();
  leaves.get('work b')?.();
  await settled();
  t.same(order.slice(2), ['person@b']);
  leaves.get('person')?.();
  await settled();
  t.same(order.slice(3), ['batch@b']);
});

t.test('a node that goes away while one of its own waits for another sends only that one on', async (t) => {
  const { order, enter, lanes } = rig();
  for (const node of ['a', 'b']) enter('x', `work ${node}`, { at: node });
  enter('x', 'here', { at: 'a', wishes: ['b'] });
  enter('x', 'there', { at: 'b', wishes: ['a'] });
  await settled();
  lanes.close('b');
  await settled();
  t.same(order.slice(2), ['there node-away']);
});

t.test('however requests come and go: no slot is taken twice, none ends twice, nothing is left over', async () => {
  const nodes = ['a', 'b', 'c'];
  const node = fc.constantFrom(...nodes);
  const enter = fc.record({
    do: fc.constant('enter' as const),
    who: fc.constantFrom('x', 'y'),
    at: node,
    wishes: fc.subarray(nodes),
    idle: fc.boolean(),
    goes: fc.boolean(),
  });
  const step = fc.oneof(
    { weight: 8, arbitrary: enter },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('leave' as const), one: fc.nat(6) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), one: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('heard' as const), at: node }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), at: node }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const lanes = new Lanes(new HandClock());
      const working = new Map<number, { node: string; leave: () => void }>();
      const ends = new Map<number, number>();
      const aborts: AbortController[] = [];
      const slots = 2;
      for (const one of steps) {
        if (one.do === 'enter') {
          const id = aborts.length;
          const abort = new AbortController();
          aborts.push(abort);
          let node = one.at;
          lanes
            .enter(placeOf(one.at, slots), {
              ...{ who: one.who, signal: abort.signal, deadlineMs: 10_000 },
              wishes: () => one.wishes.filter((each) => each !== one.at).map((each) => placeOf(each, slots)),
              goesTo: (place) => {
                if (one.goes) node = place.node;
                return one.goes;
              },
              ...(one.idle ? { stepAside: () => working.get(id)?.leave() } : {}),
            })
            .then(
              (leave) => {
                ends.set(id, (ends.get(id) ?? 0) + 1);
                working.set(id, {
                  node,
                  leave: () => {
                    working.delete(id);
                    leave();
                  },
                });
              },
              () => ends.set(id, (ends.get(id) ?? 0) + 1),
            );
        } else if (one.do === 'leave') [...working.values()][one.one]?.leave();
        else if (one.do === 'abort') aborts[one.one]?.abort();
        else if (one.do === 'heard') lanes.heard(one.at, [{ name: 'm', busy: 0, waiting: 0, slots }]);
        else lanes.close(one.at);
        await settled();
        for (const node of nodes) {
          const there = [...working.values()].filter((each) => each.node === node).length;
          if (there > slots) throw new Error(`${there} at work on ${node}`);
        }
      }
      for (const abort of aborts) abort.abort();
      await settled();
      for (const each of [...working.values()]) each.leave();
      await settled();
      for (const id of aborts.keys()) if (ends.get(id) !== 1) throw new Error(`${id} ended ${ends.get(id)} times`);
      for (const node of nodes) {
        const { busy, waiting } = lanes.loadOf(placeOf(node, slots));
        if (busy + waiting > 0) throw new Error(`${node}: ${busy} busy, ${waiting} waiting`);
      }
    }),
    { numRuns: 300 },
  );
});

t.test('how many come before one is what its turn shows', async () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 12 }), fc.nat(5), (keys, turns) => {
      const queue = new FairQueue<{ who: string }>();
      const all = keys.map((who) => ({ who }));
      for (const one of all) queue.push(one);
      const take = () => {
        const one = queue.turn();
        if (one) queue.remove(one);
        return one;
      };
      for (let i = 0; i < turns; i++) take();
      const expected = new Map(queue.all().map((one) => [one, queue.ahead(one)]));
      for (let at = 0; queue.size > 0; at++) {
        const one = take() as { who: string };
        if (expected.get(one) !== at) throw new Error(`${one.who}: expected at ${expected.get(one)}, came at ${at}`);
      }
    }),
  );
});

t.test('through the gateway: the answer comes from the node that was free first, and says so', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const works: ModelWork[] = [];
  const model = modelOf('m', { resident: true, slots: 1, speed: { prefillTps: 100, decodeTps: 10, samples: 5 } });
  for (const node of ['alice', 'bob']) await nodeWith(fleet, node, [model], (work) => void works.push(work));
  const ask = (content: string) =>
    fleet.call<{ choices: { message: { content: string } }[] }>('POST', '/v1/chat/completions', {
      body: { model: 'm', messages: [{ role: 'user', content }] },
    });
  const first = [ask('1'), ask('2')];
  await until(() => works.length === 2);
  const third = ask('3');
  const { lanes } = fleet.context.gateway.router;
  const waitsAt = (node: string) => lanes.loadOf({ node, model: 'm', slots: 1, told: undefined }).waiting;
  await until(() => waitsAt('alice') + waitsAt('bob') === 1);
  const there = waitsAt('alice') === 1 ? 'alice' : 'bob';
  const other = works.find(({ node }) => node.id !== there) as ModelWork;
  other.say('done');
  other.end();
  await until(() => works.length === 3);
  t.equal(works[2]?.node.id, other.node.id, 'it did not stay with the node that it waited for');
  works[2]?.say('three');
  works[2]?.end();
  const answer = await third;
  t.equal(answer.body.choices[0]?.message.content, 'three');
  t.equal(answer.headers.get('x-fleet-node'), other.node.id);
  t.match(answer.headers.get('x-fleet-route'), new RegExp(`^m on ${other.node.id}: it has a free slot`));
  const still = works.find(({ node }) => node.id === there) as ModelWork;
  still.say('done');
  still.end();
  await Promise.all(first);
});
