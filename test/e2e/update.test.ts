// The node-agent updates itself, with real processes: releases built from what is installed, a coordinator that keeps and serves them, and a
// node-agent under the launcher. The order comes as the coordinator sends it, over a broker that this test holds. A good release stays, tasks
// go on; one that crashes and one that finds no contact go back; a tampered archive on the way is refused.
import { readFileSync, writeFileSync } from 'node:fs';
import { request as ask, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type EventParams, type NodeEvent, topicOf, type UpdateNode } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';
import t from 'tap';
import { openCa } from '../../coordinator/src/ca/ca.ts';
import { signatureOf } from '../../release/src/secret-key.ts';
import { startModelServer } from '../fixtures/model-server.ts';
import { createThrowawayBroker } from '../fixtures/node-agent/throwaway-broker.ts';
import type { ThrowawayCa } from '../fixtures/node-agent/throwaway-ca.ts';
import { childWith, startFleet, until } from '../fixtures/processes.ts';
import { crashes, deaf, installNode, noReleaseHere, openReleases } from '../fixtures/released-node.ts';
import { sampleKey } from '../fixtures/sample-release.ts';
import { ended, nodeOf, presence, ready, submit, taskOf } from '../fixtures/steps.ts';

const node = 'boxed';
t.setTimeout(300_000);

/** A fleet whose broker is this test's, so that the test can give orders in the coordinator's place. */
async function open() {
  // A restart takes longer than the patience that other tests have with a node: this is the usual one.
  const args = ['--lost-after', '10'];
  const fleet = await startFleet(t, { args });
  const parts = { clock: systemClock, random: systemRandom, fleetName: 'x', enrolled: async () => 0 };
  const ca = await openCa({ dir: join(fleet.folder, 'coordinator/ca'), ...parts });
  const authority = { pem: ca.pem, server: () => ca.issueServer({ hosts: [] }) } as unknown as ThrowawayCa;
  const broker = await createThrowawayBroker(authority);
  t.teardown(() => broker.kill());
  args.push('--broker', `mqtts://127.0.0.1:${broker.port}`);
  await fleet.restartCoordinator('SIGTERM');
  return { fleet, broker };
}

/** The same model server, which takes six seconds for a question that has the word `slowly`. */
async function slowFront(target: string): Promise<string> {
  const front = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const body = Buffer.concat(pieces);
      const pass = () => {
        const { method, headers } = request;
        const passed = ask(`${target}${request.url}`, { method: method as string, headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        });
        passed.on('error', () => response.destroy()).end(body);
      };
      const wait = setTimeout(pass, body.includes('slowly') ? 6000 : 0);
      response.on('close', () => clearTimeout(wait));
    });
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    front.closeAllConnections();
    front.close();
  });
  return `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
}

t.test('the node-agent updates itself', { skip: noReleaseHere }, async (t) => {
  const { fleet, broker } = await open();
  const server = await startModelServer();
  t.teardown(() => server.close());
  const { key, release } = await openReleases(fleet);
  const first = await release('1.0.0');
  const openai = await slowFront(server.url);
  const installed = await installNode(t, fleet, { name: node, release: first, key, openai });
  await presence(fleet, node, 'online');
  await fleet.apply({ name: 'worker' });
  await ready(fleet, 'worker', node);

  let rollouts = 0;
  /** What the node told of an update, once it is over. */
  const update = async (
    { file: _, ...order }: Omit<UpdateNode, 'rollout'> & { file?: string },
    while_ = async () => {},
  ) => {
    const rollout = `r${++rollouts}`;
    const told = () =>
      broker.heard
        .filter(({ topic }) => topic === topicOf('nodeEvent', { node, type: 'update' }))
        .map(({ payload }) => (JSON.parse(payload) as NodeEvent).data as unknown as EventParams<'update'>)
        .filter((data) => data.rollout === rollout);
    await broker.publish(topicOf('update', { node }), JSON.stringify({ rollout, ...order }));
    await while_();
    const over = ['committed', 'rolled-back', 'refused', 'failed'];
    await until(
      `${order.version} ends`,
      async () => {
        if (over.includes(told().at(-1)?.state ?? '')) return true;
        throw new Error(
          `${told()
            .map(({ state }) => state)
            .join(', ')}\n${installed.log().slice(-3000)}`,
        );
      },
      90_000,
    );
    return told();
  };
  const versionNow = async () => {
    await presence(fleet, node, 'online');
    const view = await until('the node says its version', async () => {
      const found = await nodeOf(fleet, node);
      return found.version !== null && found;
    });
    return view.version;
  };

  await t.test('a good release, while an agent works and the process is killed in the middle', async (t) => {
    const task = await submit(fleet, 'worker', 'Say it.');
    const told = await update(await release('1.1.0'), async () => {
      await broker.hears(({ payload }) => payload.includes('"fetching"'));
      process.kill(childWith(installed, 'main.mjs') as number, 'SIGKILL');
    });
    // What was on its way when the process died is sent again.
    t.match(told.map(({ state }) => state).join(' '), /^fetching (fetching )+staged switching soaking committed$/);
    t.equal(await versionNow(), '1.1.0');
    t.equal((await ended(fleet, task.id)).state, 'done', 'its task is done');
    t.match((await nodeOf(fleet, node)).info, { version: '1.1.0', updates: true });
    const next = await submit(fleet, 'worker', 'hello');
    t.match(await ended(fleet, next.id), { state: 'done', node });
  });

  await t.test('one that crashes after its start', async (t) => {
    const told = await update(await release('1.2.0', crashes));
    t.match(told.at(-1), { state: 'rolled-back', text: /1.1.0 runs again: it ended 3 times/ });
    t.equal(await versionNow(), '1.1.0');
  });

  await t.test('one that finds no contact', async (t) => {
    const told = await update(await release('1.3.0', deaf));
    t.match(told.at(-1), { state: 'rolled-back', text: /no contact with the coordinator/ });
    t.equal(await versionNow(), '1.1.0');
  });

  await t.test('what is not as it should be', async (t) => {
    const good = await release('1.4.0');
    const archive = join(fleet.folder, 'coordinator/releases', good.sha256);
    const bytes = readFileSync(archive);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(archive, bytes);
    t.match((await update(good)).at(-1), { state: 'refused', text: /expected SHA-256/ }, 'tampered with');
    const foreign = signatureOf(readFileSync(good.file), sampleKey().secret, 'file:x');
    t.match((await update({ ...good, signature: foreign })).at(-1), {
      state: 'refused',
      text: /expected one by a trusted key/,
    });
    t.match((await update(first)).at(-1), { state: 'refused', text: /1.0.0 is older than 1.1.0/ }, 'replayed');
    const reasons = await until('the fleet has counted them', async () => {
      const events = await fleet.client.call('events', { query: { type: 'install-refused' } });
      return events.length === 3 && events.map(({ params }) => [params.reason, params.by]);
    });
    t.same(
      reasons.sort(),
      ['hash', 'key', 'older'].map((reason) => [reason, `node:${node}`]),
    );
    t.equal(await versionNow(), '1.1.0');
  });

  await t.test('an older one, with consent, while a task runs for longer than the switch waits', async (t) => {
    const task = await submit(fleet, 'worker', 'Say it slowly.', { attempts: 1 });
    await until('it runs', async () => {
      return (await taskOf(fleet, task.id)).state === 'running';
    });
    t.match((await update({ ...first, downgrade: true })).at(-1), { state: 'committed' });
    t.equal(await versionNow(), '1.0.0');
    const { state, past } = await ended(fleet, task.id);
    t.match(past, [{ outcome: 'refused', text: /was stopped on this node/ }], 'it was handed back');
    t.equal(state, 'done', 'and that used up none of its one attempt');
  });
});
