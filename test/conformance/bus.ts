// What every Bus must do, whatever broker is behind it: one suite, run against the embedded Aedes and a real Mosquitto.
// In: a rig that starts the broker and makes certificates. Out: tap assertions. No assertion here waits by time alone: that
// something did not arrive is shown by a later message of the same connection that did.
import type { Test } from 'tap';
import type { Arrived } from '../../coordinator/src/bus/bus.ts';
import { type BusRig, closed, connectNode, freeze, root } from '../fixtures/coordinator/bus-rig.ts';

const text = ({ payload }: Arrived) => payload.toString();

export function busConformance(t: Test, open: (t: Test) => Promise<BusRig>): void {
  t.test('carries messages both ways, and its own do not come back', async (t) => {
    const rig = await open(t);
    const alice = await connectNode(rig, 'alice');
    await alice.client.subscribeAsync(`${root}/cmd/alice/+`, { qos: 1 });
    await alice.client.publishAsync(`${root}/node/alice/hello`, 'from alice', { qos: 1 });
    const arrived = await rig.inbox.wait((m) => m.topic === `${root}/node/alice/hello`);
    t.equal(text(arrived), 'from alice');
    t.equal(arrived.retained, false);
    rig.bus.publish([
      { topic: `${root}/cmd/alice/welcome`, payload: 'one', qos: 1, retain: false },
      { topic: `${root}/cmd/alice/task`, payload: 'two', qos: 1, retain: false },
    ]);
    await alice.inbox.wait((m) => text(m) === 'two');
    t.same(alice.inbox.messages.map(text), ['one', 'two']);
    await alice.client.publishAsync(`${root}/reply/alice/c1`, 'done', { qos: 1 });
    await rig.inbox.wait((m) => text(m) === 'done');
    t.same(rig.inbox.messages.map(text), ['from alice', 'done']);
    alice.client.end(true);
  });

  t.test('a node writes nothing but its own topics', async (t) => {
    const rig = await open(t);
    const bob = await connectNode(rig, 'bob');
    await bob.client.subscribeAsync(`${root}/cmd/bob/+`, { qos: 1 });
    const forbidden = [
      `${root}/node/bob/state`,
      `${root}/node/bob/memory/echo`,
      `${root}/reply/bob/c1`,
      `${root}/cmd/bob/task`,
      `${root}/cmd/alice/task`,
      `${root}/fleet/state`,
      `${root}/agent/echo/ask`,
      `${root}/agent/echo/answer/1`,
      `${root}/node/alice`,
      `${root}/node/alice/unheard-of`,
      `${root}/node//state`,
      'elsewhere/alice',
      'blackroad/v2/node/alice/state',
      '$SYS/broker/load',
    ];
    for (const qos of [0, 1] as const) {
      // A broker may close a connection that does this: each attempt has its own.
      for (const topic of forbidden) {
        const mallory = await connectNode(rig, 'alice');
        const answered = mallory.client.publishAsync(topic, `forged on ${topic}`, { qos }).catch(() => {});
        await Promise.race([answered, closed(mallory.client)]);
        mallory.client.end(true);
      }
    }
    const alice = await connectNode(rig, 'alice');
    await alice.client.publishAsync(`${root}/node/alice/hello`, 'honest', { qos: 1 });
    await rig.inbox.wait((m) => text(m) === 'honest');
    rig.bus.publish([{ topic: `${root}/cmd/bob/welcome`, payload: 'from the coordinator', qos: 1, retain: false }]);
    await bob.inbox.wait((m) => text(m) === 'from the coordinator');
    t.same(
      rig.inbox.messages.filter((m) => text(m).startsWith('forged')),
      [],
    );
    t.same(bob.inbox.messages.map(text), ['from the coordinator']);
    if (rig.embedded) t.ok((rig.bus.stats().refused.topic ?? 0) >= forbidden.length, 'every one was counted');
    alice.client.end(true);
    bob.client.end(true);
  });

  t.test('a node reads nothing but its own commands and the fleet', async (t) => {
    const rig = await open(t);
    const alice = await connectNode(rig, 'alice');
    const bob = await connectNode(rig, 'bob');
    const filters = [
      '#',
      '+/#',
      `${root}/#`,
      `${root}/cmd/+/task`,
      `${root}/cmd/bob/#`,
      `${root}/node/bob/#`,
      '$SYS/#',
    ];
    for (const filter of [...filters, `${root}/agent/+/ask`, `${root}/reply/#`]) {
      await alice.client.subscribeAsync(filter, { qos: 1 }).catch(() => {});
    }
    await alice.client.subscribeAsync([`${root}/cmd/alice/+`, `${root}/fleet/state`], { qos: 1 });
    await bob.client.publishAsync(`${root}/node/bob/state`, 'bob speaks', { qos: 1, retain: true });
    await rig.inbox.wait((m) => text(m) === 'bob speaks');
    rig.bus.publish([
      { topic: `${root}/cmd/bob/task`, payload: 'for bob', qos: 1, retain: false },
      { topic: `${root}/agent/echo/answer/1`, payload: 'for people', qos: 1, retain: false },
      { topic: `${root}/cmd/alice/task`, payload: 'for alice', qos: 1, retain: false },
      { topic: `${root}/fleet/state`, payload: 'for all', qos: 1, retain: true },
    ]);
    await alice.inbox.wait((m) => text(m) === 'for all');
    t.same([...new Set(alice.inbox.messages.map(text))], ['for alice', 'for all']);
    alice.client.end(true);
    bob.client.end(true);
  });

  t.test('nobody connects without a certificate of this fleet', async (t) => {
    const rig = await open(t);
    await t.rejects(
      rig.foreign('alice').then((identity) => connectNode(rig, 'alice', identity)),
      'another CA',
    );
    await t.rejects(connectNode(rig, 'alice', { ...rig.server, clientId: 'alice' }), 'a server certificate');
    const old = await rig.node('alice', rig.clock.nowMs() - 60_000);
    await t.rejects(connectNode(rig, 'alice', old), 'an expired one');
    await t.rejects(connectNode(rig, 'alice', { cert: '' }), 'none');
    await t.rejects(
      connectNode(rig, 'alice', { cert: '', username: 'alice', password: 'guess' }),
      'a guessed password',
    );
    const alice = await connectNode(rig, 'alice');
    t.ok(alice.client.connected);
    if (rig.embedded) {
      const { refused } = rig.bus.stats();
      t.equal(refused['certificate-foreign'], 2);
      t.equal(refused['certificate-expired'], 1);
      t.equal(refused['no-certificate'], 1);
    }
    alice.client.end(true);
  });

  t.test('an oversized packet reaches nobody and harms nobody', async (t) => {
    const rig = await open(t);
    const alice = await connectNode(rig, 'alice');
    const bob = await connectNode(rig, 'bob');
    const ended = closed(bob.client);
    const sent = bob.client.publishAsync(`${root}/node/bob/memory/echo`, Buffer.alloc(400_000, 'x'), { qos: 1 });
    await Promise.race([sent.catch(() => {}), ended]);
    await alice.client.publishAsync(`${root}/node/alice/hello`, 'still here', { qos: 1 });
    await rig.inbox.wait((m) => text(m) === 'still here');
    t.same(
      rig.inbox.messages.map((m) => m.topic),
      [`${root}/node/alice/hello`],
    );
    if (rig.embedded) t.equal(rig.bus.stats().refused['packet-too-large'], 1);
    alice.client.end(true);
    bob.client.end(true);
  });

  t.test('a retained message waits for whoever subscribes later, and only the last one', async (t) => {
    const rig = await open(t);
    for (const payload of ['old', 'new']) {
      rig.bus.publish([{ topic: `${root}/fleet/state`, payload, qos: 1, retain: true }]);
    }
    const early = await connectNode(rig, 'bob');
    await early.client.subscribeAsync(`${root}/fleet/state`, { qos: 1 });
    await early.inbox.wait((m) => text(m) === 'new');
    const alice = await connectNode(rig, 'alice');
    await alice.client.subscribeAsync(`${root}/fleet/state`, { qos: 1 });
    const first = await alice.inbox.wait(() => true);
    t.equal(text(first), 'new');
    t.equal(first.retained, true);
    rig.bus.publish([{ topic: `${root}/fleet/state`, payload: 'live', qos: 1, retain: true }]);
    t.equal((await alice.inbox.wait((m) => text(m) === 'live')).retained, false);
    rig.bus.publish([{ topic: `${root}/fleet/state`, payload: '', qos: 1, retain: true }]);
    await alice.inbox.wait((m) => text(m) === '');
    await early.client.subscribeAsync(`${root}/cmd/bob/+`, { qos: 1 });
    const late = await connectNode(rig, 'carol');
    await late.client.subscribeAsync([`${root}/fleet/state`, `${root}/cmd/carol/+`], { qos: 1 });
    rig.bus.publish([{ topic: `${root}/cmd/carol/welcome`, payload: 'fence', qos: 1, retain: false }]);
    await late.inbox.wait((m) => text(m) === 'fence');
    t.same(late.inbox.messages.map(text), ['fence'], 'an empty message removed it');
    for (const { client } of [early, alice, late]) client.end(true);
  });

  t.test('a will is told when the connection breaks, not when it ends; and never on a topic of another', async (t) => {
    const rig = await open(t);
    const will = (payload: string, topic = `${root}/node/alice/state`) => ({
      topic,
      payload,
      qos: 1 as const,
      retain: true,
    });
    const alice = await connectNode(rig, 'alice', { will: will('broken') });
    alice.client.stream.destroy();
    await rig.inbox.wait((m) => text(m) === 'broken');
    const polite = await connectNode(rig, 'alice', { will: will('polite') });
    await polite.client.endAsync();
    const forged = await connectNode(rig, 'alice', { will: will('forged', `${root}/node/bob/state`) }).catch(
      () => null,
    );
    forged?.client.stream.destroy();
    const last = await connectNode(rig, 'alice', { will: will('last') });
    last.client.stream.destroy();
    await rig.inbox.wait((m) => text(m) === 'last');
    t.same(rig.inbox.messages.map(text), ['broken', 'last']);
  });

  t.test('5,000 messages of a node arrive once and in order, and so do 5,000 to it', async (t) => {
    const rig = await open(t);
    const count = 5_000;
    const alice = await connectNode(rig, 'alice');
    await alice.client.subscribeAsync(`${root}/cmd/alice/+`, { qos: 1 });
    const numbers = Array.from({ length: count }, (_, i) => String(i));
    const sending = numbers.map((n) => alice.client.publishAsync(`${root}/node/alice/event/log`, n, { qos: 1 }));
    await rig.inbox.wait((m) => text(m) === String(count - 1));
    t.same(rig.inbox.messages.map(text), numbers);
    await Promise.all(sending);
    for (const n of numbers) rig.bus.publish([{ topic: `${root}/cmd/alice/task`, payload: n, qos: 1, retain: false }]);
    await alice.inbox.wait((m) => text(m) === String(count - 1));
    t.same(alice.inbox.messages.map(text), numbers);
    alice.client.end(true);
  });

  t.test('one that does not read delays nobody else', async (t) => {
    const rig = await open(t);
    const frozen = await freeze(rig, 'frozen');
    const alice = await connectNode(rig, 'alice');
    await alice.client.subscribeAsync(`${root}/cmd/alice/+`, { qos: 1 });
    const large = 'x'.repeat(100_000);
    for (let i = 0; i < 400; i++) {
      rig.bus.publish([
        { topic: `${root}/cmd/frozen/task`, payload: large, qos: 1, retain: false },
        { topic: `${root}/cmd/alice/task`, payload: String(i), qos: 1, retain: false },
      ]);
      await alice.inbox.wait((m) => text(m) === String(i));
      await alice.client.publishAsync(`${root}/node/alice/event/log`, String(i), { qos: 1 });
    }
    await rig.inbox.wait((m) => text(m) === '399');
    t.equal(alice.inbox.messages.length, 400);
    if (rig.embedded) t.equal(rig.bus.stats().stalled, 1, 'and it was cut');
    frozen.destroy();
    alice.client.end(true);
  });
}
