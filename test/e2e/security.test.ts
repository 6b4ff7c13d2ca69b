// What must be refused is refused: with a reason in the log, a counter in /metrics, and without harm to anybody else. A node that
// speaks as another, strangers, bad tokens, damaged and oversized messages, clones, re-flashed and forgotten machines.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topicRoot } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';
import { sha256Hex } from '@blackroad/std/sha256';
import t, { type Test } from 'tap';
import { openCa } from '../../coordinator/src/ca/ca.ts';
import { createKey, writeCsr } from '../../node-agent/src/identity/csr.ts';
import { startFleet, until } from '../fixtures/processes.ts';
import { agentOf, ask, counter, memoryOf, namesIn, nodeOf, presence, ready } from '../fixtures/steps.ts';
import { cut, dial, enrolAs, enrolBody, post } from './stranger.ts';

t.setTimeout(240_000);
const hardwareOf = (what: string) => sha256Hex(what);

t.test('what must be refused', async (t) => {
  const fleet = await startFleet(t);
  const expiring = await fleet.client.call('joinTokenCreate', { body: { uses: 1, expiresSeconds: 10 } });
  await fleet.simulate('honest');
  const [honest] = namesIn(fleet, 'honest') as [string];
  await presence(fleet, honest, 'online');
  await fleet.apply({ name: 'greeter' });
  await ready(fleet, 'greeter', honest);
  const { coordinator } = await fleet.client.call('health');
  const pid = fleet.coordinator.child.pid;

  /** Runs what must be refused; then the reason stands in the log and in a counter, and everybody else goes on. */
  const refused = async (t: Test, metric: string, reason: string, attempt: () => Promise<unknown>) => {
    const label: Record<string, string> = metric === 'coordinator_total' ? { what: `remark ${reason}` } : { reason };
    const before = await counter(fleet, metric, label);
    await attempt();
    await until(`${metric} counts ${reason}`, async () => (await counter(fleet, metric, label)) > before);
    t.match(fleet.coordinator.log(), new RegExp(`"reason":"${reason}"`), `${reason}: in the log and counted`);
  };
  const unharmed = async (t: Test) => {
    t.equal((await ask(fleet, 'greeter', 'Are you well?')).state, 'done', 'others are unaffected');
    t.equal((await fleet.client.call('health')).coordinator, coordinator, 'the coordinator is the same process');
    t.equal(fleet.coordinator.child.pid, pid);
  };

  await t.test('strangers at the broker', async (t) => {
    await refused(t, 'bus_refused_total', 'no-certificate', () => t.rejects(dial(fleet, {}), /Not authorized/));
    await refused(t, 'bus_refused_total', 'unknown-key', () =>
      t.rejects(dial(fleet, {}, { username: 'admin', password: 'admin' }), /Not authorized/),
    );
    const foreign = await foreignCertificate(honest);
    await refused(t, 'bus_refused_total', 'certificate-foreign', () =>
      t.rejects(dial(fleet, { node: honest, ...foreign }), /Not authorized/),
    );
    await unharmed(t);
  });

  await t.test('a node speaks as another', async (t) => {
    const mallory = await enrolAs(fleet, hardwareOf('mallory'));
    await refused(t, 'bus_refused_total', 'client-id', () =>
      t.rejects(dial(fleet, { ...mallory, node: honest }), /Not authorized/),
    );
    await refused(t, 'bus_refused_total', 'will', () =>
      t.rejects(
        dial(fleet, mallory, {
          will: { topic: `${topicRoot}/node/${honest}/state`, payload: Buffer.from('{}'), qos: 1, retain: true },
        }),
        /Not authorized/,
      ),
    );
    const client = await dial(fleet, mallory);
    t.teardown(() => client.end(true));
    const before = await nodeOf(fleet, honest);
    const offline = JSON.stringify({ state: 'offline', boot: 'any' });
    for (const topic of [
      `${topicRoot}/node/${honest}/state`,
      `${topicRoot}/cmd/${honest}/farewell`,
      `${topicRoot}/cmd/${mallory.node}/task`,
      `${topicRoot}/agent/greeter/ask`,
      `${topicRoot}/fleet/state`,
      `${topicRoot}/node/${mallory.node}/unheard/of`,
      '$SYS/broker/clients',
      'homeassistant/config',
    ]) {
      await refused(t, 'bus_refused_total', 'topic', async () => {
        await client.publishAsync(topic, offline, { qos: 1, retain: true }).catch(() => {});
      });
    }
    if (!client.connected) await client.reconnect();
    for (const filter of [
      '#',
      `${topicRoot}/cmd/${honest}/+`,
      `${topicRoot}/node/+/state`,
      '$SYS/#',
      `${topicRoot}/#`,
    ]) {
      await refused(t, 'bus_refused_total', 'filter', async () => {
        const reader = await dial(fleet, mallory);
        await t.rejects(reader.subscribeAsync(filter), `subscribes ${filter}`);
        reader.end(true);
      });
    }
    const after = await nodeOf(fleet, honest);
    t.equal(after.presence, 'online');
    t.equal(after.presenceSinceMs, before.presenceSinceMs, 'the other never was away');
    await unharmed(t);
  });

  await t.test('messages that are none', async (t) => {
    const mallory = await enrolAs(fleet, hardwareOf('garbler'), 'garbler');
    const client = await dial(fleet, mallory);
    const own = `${topicRoot}/node/${mallory.node}`;
    const say = (topic: string, payload: string | Buffer) => client.publishAsync(topic, payload, { qos: 1 });
    await refused(t, 'coordinator_total', 'not-json', () => say(`${own}/state`, '{"state": "onl'));
    await refused(t, 'coordinator_total', 'not-json', () => say(`${own}/info`, Buffer.from([0xff, 0xfe, 0x00, 0x80])));
    await refused(t, 'coordinator_total', 'invalid', () => say(`${own}/state`, '{"state":"fine","boot":7}'));
    await refused(t, 'coordinator_total', 'invalid', () => say(`${own}/state`, '['.repeat(8_000)));
    await refused(t, 'bus_refused_total', 'message-too-large', () => say(`${own}/state`, 'x'.repeat(100_000)));
    await refused(t, 'bus_refused_total', 'packet-too-large', async () => {
      client.publish(`${own}/memory/greeter`, 'x'.repeat(1024 * 1024), { qos: 1 });
      await cut(client);
    });
    client.end(true);
    // Words of a node that is one, about what is not its own.
    const again = await dial(fleet, mallory);
    t.teardown(() => again.end(true));
    const boot = 'b007';
    await again.publishAsync(`${own}/state`, JSON.stringify({ state: 'online', boot }), { qos: 1 });
    const [task] = await fleet.client.call('tasks', { query: { limit: 1 } });
    const { id: greeter } = await agentOf(fleet, 'greeter');
    const report = { boot, task: task?.id, attempt: 1, agent: greeter, epoch: 1, state: 'done', result: 'forged' };
    const stale = await counter(fleet, 'coordinator_total', { what: 'remark stale-report' });
    await again.publishAsync(`${own}/task/${task?.id}/status`, JSON.stringify(report), { qos: 1 });
    await until('the report is turned down', async () => {
      return (await counter(fleet, 'coordinator_total', { what: 'remark stale-report' })) > stale;
    });
    t.not((await fleet.client.call('task', { params: { task: task?.id as string } })).result, 'forged');
    const log = await memoryOf(fleet, 'greeter');
    const nacks = await counter(fleet, 'coordinator_total', { what: 'remark memory-nack-stale-epoch' });
    const hello = { type: 'hello', epoch: 1, durableSeq: 0, hash: 'genesis' };
    await again.publishAsync(`${own}/memory/${greeter}`, JSON.stringify(hello), { qos: 1 });
    await until('it may not read or write the memory of an agent elsewhere', async () => {
      return (await counter(fleet, 'coordinator_total', { what: 'remark memory-nack-stale-epoch' })) > nacks;
    });
    t.same((await memoryOf(fleet, 'greeter')).slice(0, log.length), log);
    await unharmed(t);
  });

  await t.test('enrolment', async (t) => {
    const enrol = (token: string, change: object = {}) => {
      const { body } = enrolBody(token, hardwareOf(`machine ${systemRandom.hex(4)}`));
      return post(fleet, '/v1/enrol', { ...body, ...change });
    };
    const turnedDown = (t: Test, code: string, attempt: () => ReturnType<typeof post>) =>
      refused(t, 'http_refused_total', code, async () => {
        const { status, body } = await attempt();
        t.ok(status >= 400 && status < 500, `${code}: ${status}`);
        t.match(body, { code, detail: /\w+/ });
      });
    const used = await fleet.token(1);
    t.equal((await enrol(used)).status, 201);
    await turnedDown(t, 'token-used-up', () => enrol(used));
    const revoked = await fleet.client.call('joinTokenCreate', { body: { uses: 1 } });
    await fleet.client.call('joinTokenRevoke', { params: { id: revoked.id } });
    await turnedDown(t, 'token-revoked', () => enrol(revoked.token));
    const good = await fleet.token(1);
    await turnedDown(t, 'token-unknown', () => enrol(good, { tokenId: 'made-up' }));
    await turnedDown(t, 'token-unknown', () => enrol(good, { secret: 'guessed' }));
    const { body } = enrolBody(good, hardwareOf('damaged'));
    const at = Math.floor(body.csr.length / 2);
    const damaged = body.csr.slice(0, at) + (body.csr[at] === 'A' ? 'B' : 'A') + body.csr.slice(at + 1);
    await turnedDown(t, 'csr-invalid', () => enrol(good, { csr: damaged }));
    await turnedDown(t, 'csr-invalid', () => enrol(good, { csr: 'no request at all' }));
    await turnedDown(t, 'invalid-request', () => enrol(good, { hardware: '../../etc' }));
    await turnedDown(t, 'invalid-request', () => post(fleet, '/v1/enrol', '{"tokenId": '));
    await turnedDown(t, 'too-large', () => post(fleet, '/v1/enrol', JSON.stringify({ x: 'y'.repeat(1_100_000) })));
    await turnedDown(t, 'key-unknown', () =>
      post(fleet, '/v1/enrol/renew', { node: honest, csr: writeCsr(createKey(), honest), hardware: hardwareOf('x') }),
    );
    t.ok(expiring.expiresMs, 'made at the beginning, for ten seconds');
    await until('the token has expired', async () => Date.now() > expiring.expiresMs + 50, 20_000);
    await turnedDown(t, 'token-expired', () => enrol(expiring.token));
    t.equal((await enrol(good)).status, 201, 'a token that was only tried in vain is still good');
    const events = await fleet.client.call('events', { query: { limit: 200 } });
    t.ok(events.filter(({ type }) => type === 'enrol-refused').length >= 4, 'people see it among the events');
    await unharmed(t);
  });

  await t.test('a clone', async (t) => {
    const token = await fleet.token(1);
    const original = await fleet.simulate('original', { token, seed: 500 });
    const [name] = namesIn(fleet, 'original') as [string];
    await presence(fleet, name, 'online');
    cpSync(join(fleet.folder, 'original', 'n0', 'identity.json'), join(fleet.folder, 'clone', 'n0', 'identity.json'));
    // The same identity on another machine.
    const clone = await fleet.simulate('clone', { token, seed: 501 });
    const shown = await until('it is quarantined', async () => {
      const view = await nodeOf(fleet, name);
      return view.status === 'quarantined' && view;
    });
    t.match(shown.quarantineReason ?? '', /another machine/);
    await until('neither of both is connected', async () => {
      const { log } = fleet.coordinator;
      return (
        /"reason":"quarantined"/.test(log()) &&
        (await counter(fleet, 'bus_refused_total', { reason: 'quarantined' })) > 0
      );
    });
    const events = await fleet.client.call('events', { query: { node: name, limit: 100 } });
    t.ok(events.some(({ type, severity }) => type === 'node-quarantined' && severity === 'error'));
    await original.kill('SIGKILL');
    await clone.kill('SIGKILL');

    await fleet.client.call('nodeRelease', { params: { node: name } });
    await fleet.simulate('original', { token, seed: 500 });
    await presence(fleet, name, 'online');
    t.equal((await nodeOf(fleet, name)).status, 'active', 'released by a person, the machine that comes first is it');
    await unharmed(t);
  });

  await t.test('a re-flashed machine', async (t) => {
    const process = await fleet.simulate('flashed', { seed: 600 });
    const [name] = namesIn(fleet, 'flashed') as [string];
    await presence(fleet, name, 'online');
    await fleet.apply({ name: 'loyal', placement: { nodes: [name] } as never });
    await ready(fleet, 'loyal', name);
    await ask(fleet, 'loyal', 'The password is fish');
    await until('it is upstream', async () => (await memoryOf(fleet, 'loyal')).length >= 2);
    await process.kill('SIGKILL');
    await until('it is away', async () => (await nodeOf(fleet, name)).presence !== 'online');
    rmSync(join(fleet.folder, 'flashed'), { recursive: true });
    await fleet.simulate('flashed', { seed: 600 });
    t.same(namesIn(fleet, 'flashed'), [name], 'the same hardware is the same node');
    await presence(fleet, name, 'online');
    await ready(fleet, 'loyal', name);
    const asked = await ask(fleet, 'loyal', 'What is the password?');
    t.match(asked, { state: 'done', node: name });
    t.ok((asked.usage?.recalled ?? 0) > 0, 'its agents get their memory back');
    const audit = await fleet.client.call('audit', { query: { limit: 50 } });
    t.ok(audit.some(({ action, subject }) => action === 'node-reclaim' && subject === name));
  });

  await t.test('a forgotten node', async (t) => {
    const token = await fleet.token(1);
    const process = await fleet.simulate('unwanted', { token, seed: 700 });
    const [name] = namesIn(fleet, 'unwanted') as [string];
    await presence(fleet, name, 'online');
    const connections = await counter(fleet, 'bus_connections');
    await fleet.client.call('nodeForget', { params: { node: name } });
    await until('its connection is gone', async () => (await counter(fleet, 'bus_connections')) < connections);
    await until('it was told why', async () => /farewell.*took this node out/.test(process.log()));
    await process.kill('SIGKILL');
    await refused(t, 'bus_refused_total', 'unknown-node', async () => {
      await fleet.simulate('unwanted', { token, seed: 700 });
    });
    t.notOk(
      (await fleet.client.call('nodes')).some(({ id }) => id === name),
      'and it stays out',
    );
    await unharmed(t);
  });

  await t.test('a real node-agent that is forgotten ends, and says so to systemd', async (t) => {
    const node = await fleet.runNode('real');
    await presence(fleet, 'real', 'online');
    await fleet.client.call('nodeForget', { params: { node: 'real' } });
    t.equal(await until('it ends', async () => node.child.exitCode), 3, 'the code of: do not start me again');
    t.match(node.log(), /took this node out/);
  });

  t.match(await agentOf(fleet, 'greeter'), { node: honest, epoch: 1 });
});

/** A certificate in the name of a node, signed by a CA of the attacker's own. */
async function foreignCertificate(node: string): Promise<{ key: string; certificate: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'foreign-ca-'));
  try {
    const ca = await openCa({
      dir,
      clock: systemClock,
      random: systemRandom,
      fleetName: 'elsewhere',
      enrolled: async () => 0,
    });
    const key = createKey();
    const certificate = await ca.signNode({ node, csr: writeCsr(key, node), notAfterMs: Date.now() + 86_400_000 });
    return { key: key.export({ type: 'pkcs8', format: 'pem' }) as string, certificate };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
