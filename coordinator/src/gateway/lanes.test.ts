// Admission: no more than there are slots, fair between keys, bounded, and never closed for ever by an old report.
import type { FleetError, ModelLoad } from '@blackroad/protocol';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { Lanes } from './lanes.ts';

const load = (given: Partial<ModelLoad> = {}): ModelLoad => ({ name: 'm', busy: 0, waiting: 0, slots: 2, ...given });

function rig(slots = 2) {
  const clock = new HandClock();
  const lanes = new Lanes(clock);
  const order: string[] = [];
  const leaves = new Map<string, () => void>();
  const enter = (
    who: string,
    name = who,
    told: ModelLoad | undefined = undefined,
    signal = new AbortController().signal,
  ) =>
    lanes.enter({ node: 'a', model: 'm', slots, told }, { who, signal, deadlineMs: 10_000 }).then(
      (leave) => {
        order.push(name);
        leaves.set(name, leave);
        return null;
      },
      (error: FleetError) => {
        order.push(`${name} ${error.code}`);
        return error;
      },
    );
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { clock, lanes, order, leaves, enter, settled };
}

t.test('slots are credits; who waits comes in as others leave', async (t) => {
  const { order, leaves, enter, settled, lanes } = rig();
  for (const name of ['1', '2', '3', '4']) void enter('ada', name);
  await settled();
  t.same(order, ['1', '2']);
  t.match(lanes.loadOf({ node: 'a', model: 'm', slots: 2, told: undefined }), { busy: 2, waiting: 2, slots: 2 });
  leaves.get('1')?.();
  leaves.get('1')?.();
  await settled();
  t.same(order, ['1', '2', '3'], 'leaving twice frees one slot');
});

t.test('keys take turns, however many requests one of them has', async (t) => {
  const { order, leaves, enter, settled } = rig(1);
  void enter('ada', 'a1');
  for (const name of ['a2', 'a3', 'a4']) void enter('ada', name);
  for (const name of ['b1', 'b2']) void enter('bob', name);
  await settled();
  for (let i = 0; i < 6; i++) {
    leaves.get(order.at(-1) as string)?.();
    await settled();
  }
  t.same(order, ['a1', 'a2', 'b1', 'a3', 'b2', 'a4']);
});

t.test('a full queue refuses at once, a long wait in time, and a request that is given up leaves', async (t) => {
  const { clock, order, enter, settled, lanes } = rig(1);
  for (let i = 0; i < 10; i++) void enter('ada', String(i));
  await settled();
  t.same(order, ['0', '9 model-busy'], 'eight may wait');
  await clock.advance(10_000);
  t.equal(order.filter((each) => each.endsWith('model-busy')).length, 9);
  t.match(lanes.loadOf({ node: 'a', model: 'm', slots: 1, told: undefined }), { busy: 1, waiting: 0 });
  const abort = new AbortController();
  void enter('ada', 'given up', undefined, abort.signal);
  abort.abort();
  await settled();
  t.equal(order.at(-1), 'given up unavailable');
  t.match(lanes.loadOf({ node: 'a', model: 'm', slots: 1, told: undefined }), { waiting: 0 });
});

t.test('what others use is left to them, but one request always goes', async (t) => {
  const { order, enter, settled, lanes } = rig();
  void enter('ada', 'first', load({ busy: 5 }));
  void enter('ada', 'second', load({ busy: 5 }));
  await settled();
  t.same(order, ['first']);
  lanes.heard('a', [load({ busy: 1 })]);
  await settled();
  t.same(order, ['first', 'second'], 'the others have left');
});

t.test('a node that goes away sends those that wait elsewhere', async (t) => {
  const { order, enter, settled, lanes } = rig(1);
  void enter('ada', '1');
  void enter('bob', '2');
  await settled();
  lanes.close('a');
  await settled();
  t.same(order, ['1', '2 node-away']);
});

t.test('a lane of one slot keeps its count when the one that waited comes in', async (t) => {
  const { order, leaves, enter, settled, lanes } = rig(1);
  for (const name of ['1', '2']) void enter('ada', name);
  await settled();
  leaves.get('1')?.();
  await settled();
  t.same(order, ['1', '2']);
  t.match(lanes.loadOf({ node: 'a', model: 'm', slots: 1, told: undefined }), { busy: 1, waiting: 0 });
  void enter('ada', '3');
  await settled();
  t.same(order, ['1', '2'], 'the third waits for the second');
  leaves.get('2')?.();
  await settled();
  t.same(order, ['1', '2', '3']);
});

t.test('idle requests take what nobody uses, leave a slot free, and step aside for others', async (t) => {
  const { lanes, order, leaves, enter, settled } = rig(3);
  const asides: string[] = [];
  const idle = (name: string) =>
    lanes
      .enter(
        { node: 'a', model: 'm', slots: 3, told: undefined },
        { who: 'batch', signal: new AbortController().signal, deadlineMs: 10_000, stepAside: () => asides.push(name) },
      )
      .then((leave) => {
        order.push(name);
        leaves.set(name, leave);
      });
  for (const name of ['i1', 'i2', 'i3']) void idle(name);
  await settled();
  t.same(order, ['i1', 'i2'], 'one of three slots is left');
  t.match(
    lanes.loadOf({ node: 'a', model: 'm', slots: 3, told: undefined }),
    { busy: 0, waiting: 0 },
    'others see an idle node',
  );
  void enter('ada');
  await settled();
  t.same([order.at(-1), asides], ['ada', []], 'the free slot is enough');
  void enter('bob');
  await settled();
  t.same([order.at(-1), asides], ['ada', ['i2']], 'the last of them is told to leave');
  leaves.get('i2')?.();
  await settled();
  t.equal(order.at(-1), 'bob');
  leaves.get('ada')?.();
  leaves.get('bob')?.();
  await settled();
  t.equal(order.at(-1), 'i3', 'what waited comes in when it is quiet again');
  leaves.get('i1')?.();
  leaves.get('i3')?.();
  t.match(lanes.loadOf({ node: 'a', model: 'm', slots: 3, told: undefined }), { busy: 0, waiting: 0 });
});

t.test('an idle request that waits ends like any other', async (t) => {
  const { lanes, clock, settled } = rig(1);
  const entry = { who: 'batch', signal: new AbortController().signal, deadlineMs: 10_000, stepAside: () => {} };
  const place = { node: 'a', model: 'm', slots: 1, told: undefined };
  const first = await lanes.enter(place, entry);
  const failed: string[] = [];
  const fail = (error: FleetError) => void failed.push(error.code);
  lanes.enter(place, entry).catch(fail);
  await clock.advance(10_000);
  t.same(failed, ['model-busy']);
  const stopped = new AbortController();
  lanes.enter(place, { ...entry, signal: stopped.signal }).catch(fail);
  stopped.abort();
  lanes.enter(place, entry).catch(fail);
  lanes.close('a');
  await settled();
  t.same(failed, ['model-busy', 'unavailable', 'node-away']);
  first();
});

t.test('requests for vectors share a slot, as nodes answer several of them in one call', async (t) => {
  const { lanes } = rig(2);
  const entry = { who: 'ada', signal: new AbortController().signal, deadlineMs: 10_000 };
  const place = { node: 'a', model: 'e', kind: 'embed' as const, slots: 2, told: undefined };
  let entered = 0;
  for (let i = 0; i < 17; i++)
    lanes.enter(place, entry).then(
      () => entered++,
      () => {},
    );
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(entered, 16);
  t.match(lanes.loadOf({ node: 'a', model: 'e', slots: 2, told: undefined }), { busy: 2, waiting: 1, slots: 2 });
});

t.test(
  'a server that refuses shows its slots: the others wait until one leaves, in the order in which they came',
  async (t) => {
    const { order, leaves, enter, settled, lanes } = rig(4);
    for (const name of ['1', '2', '3', '4']) void enter('ada', name);
    await settled();
    for (const name of ['3', '4']) {
      t.equal(lanes.refused('a', 'm'), true);
      leaves.get(name)?.();
      void enter('ada', `${name} again`);
    }
    void enter('ada', '5');
    await settled();
    t.same(order, ['1', '2', '3', '4'], 'two are at work, and no more come in');
    t.match(lanes.loadOf({ node: 'a', model: 'm', slots: 4, told: undefined }), { busy: 2, waiting: 3 });
    leaves.get('1')?.();
    await settled();
    t.same(order.slice(4), ['3 again']);
    lanes.heard('a', [load({ slots: 3, busy: 2 })]);
    await settled();
    t.same(order.slice(5), ['4 again'], 'the word of the node counts from then on');
    for (const name of ['2', '3 again', '4 again']) leaves.get(name)?.();
    await settled();
    t.equal(lanes.refused('a', 'm'), false, 'full of others: there is nothing to wait for');
  },
);

t.test('vectors that are refused wait, too: several of them share a slot', async (t) => {
  const { lanes, settled } = rig();
  const place = { node: 'a', model: 'e', kind: 'embed' as const, slots: 1, told: undefined };
  const entry = { who: 'ada', signal: new AbortController().signal, deadlineMs: 1000 };
  const [first, second] = await Promise.all([lanes.enter(place, entry), lanes.enter(place, entry)]);
  t.equal(lanes.refused('a', 'e'), true);
  second?.();
  let isIn = false;
  void lanes.enter(place, entry).then(() => {
    isIn = true;
  });
  await settled();
  t.equal(isIn, false);
  first?.();
  await settled();
  t.equal(isIn, true);
});
