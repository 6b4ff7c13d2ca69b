// Models over real processes: one order fetches to two machines with the progress of both, a fetch is stopped by hand, failures say what
// they were, a pin fetches and protects, a full disk takes what the fleet fetched and nobody needs, and only that.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startOllamaServer } from '../fixtures/ollama-server.ts';
import { type Fleet, runFleet, startFleet, until } from '../fixtures/processes.ts';
import { presence } from '../fixtures/steps.ts';

t.setTimeout(240_000);

const rowOf = async (fleet: Fleet, name: string) => {
  const { models } = await fleet.client.call('catalogue');
  return models.find((each) => each.name === name || each.entry?.ollama === name);
};

t.test('models', async (t) => {
  const fleet = await startFleet(t);
  const servers = {
    alice: await startOllamaServer({ sizeBytes: 4e8, steps: 40, stepMs: 60 }),
    bob: await startOllamaServer({ sizeBytes: 4e8, steps: 20, stepMs: 60 }),
  };
  t.teardown(() => Promise.all(Object.values(servers).map((server) => server.close())));
  for (const server of Object.values(servers)) server.put('theirs:1b');
  const runNode = (name: 'alice' | 'bob', ...extra: string[]) =>
    fleet.runNode(name, { extra: ['--ollama', servers[name].url, ...extra] });
  await runNode('alice');
  // Any disk is fuller than this limit: what may go, goes.
  let bob = await runNode('bob');
  for (const name of ['alice', 'bob']) await presence(fleet, name, 'online');
  const data = ['--data', join(fleet.folder, 'coordinator')];
  const cli = (...args: string[]) => runFleet([...args, ...data]);
  await until('both nodes said what they can fetch', async () => (await rowOf(fleet, 'theirs:1b'))?.nodesOnDisk === 2);

  await t.test('one order, two machines, the progress of both', async (t) => {
    const { code, stdout, stderr } = await cli('models', 'pull', 'qwen2.5-0.5b-instruct');
    t.equal(code, 0, stderr);
    for (const name of ['alice', 'bob']) {
      t.match(stdout, new RegExp(`${name}: pulling 74701a8c35f6 \\d+ %`), `${name} is seen on its way`);
      t.match(stdout, new RegExp(`${name}: is here`));
    }
    for (const line of stdout.split('\n')) t.ok(line.length <= 80, line);
    for (const server of Object.values(servers))
      t.same(server.pulled, ['qwen2.5:0.5b'], 'by the name that an Ollama knows');
    t.match(await rowOf(fleet, 'qwen2.5:0.5b'), { nodesOnDisk: 2, fetchedOn: 2, entry: { licence: 'Apache-2.0' } });
    const again = await cli('models', 'pull', 'qwen2.5-0.5b-instruct');
    t.match(again, { code: 1, stderr: /No node that is online lacks/ });
    t.match(await cli('models', 'update', 'qwen2.5:0.5b', '--nodes', 'bob'), { code: 0, stdout: /bob: is here/ });
  });

  await t.test('the list and one model', async (t) => {
    const list = await cli('models');
    t.match(list.stdout, /qwen2\.5:0\.5b .*2 nodes/);
    t.match(list.stdout, /llama3\.3:70b .*nothing here/);
    const one = await cli('models', 'show', 'qwen2.5-0.5b');
    t.match(one.stdout, /licence +Apache-2\.0/);
    t.match(one.stdout, /alice +\S+ +on disk +the fleet/);
    t.match(await cli('models', 'show', 'qwen2.5:0.6b'), { code: 2, stderr: /Did you mean .*qwen2\.5:0\.5b/ });
  });

  await t.test('a fetch is stopped by hand, and one that fails says what it was', async (t) => {
    t.match(await cli('models', 'pull', 'slow:1b', '--nodes', 'alice', '--detach'), {
      code: 0,
      stdout: /alice fetches slow:1b/,
    });
    t.match(await cli('models', 'stop', 'slow:1b'), { code: 0, stdout: /no longer fetches slow:1b/ });
    await until('the server heard it', async () => servers.alice.left === 1);
    t.notOk(servers.alice.names().includes('slow:1b'));
    const rows = [
      ['nosuch:1b', /file does not exist\. What helps: look at the spelling/],
      ['full:1b', /no space left on device\. What helps: remove a model/],
      ['broken:1b', /digest mismatch.* What helps: fetch it again/],
      ['offline:1b', /no such host\. What helps: look at the network/],
    ] as const;
    for (const [name, words] of rows) {
      const ran = await cli('models', 'pull', name, '--nodes', 'alice,bob');
      t.equal(ran.code, 1);
      t.match(ran.stderr.replaceAll(/\s+/g, ' '), words, name);
    }
    const failed = await rowOf(fleet, 'full:1b');
    t.match(failed?.fetches, [{ fault: 'disk' }, { fault: 'disk' }]);
  });

  await t.test('a pin fetches where it is meant, and keeps', async (t) => {
    t.match(await cli('models', 'pin', 'kept:1b', '--nodes', 'bob'), { code: 0, stdout: /kept:1b is pinned on bob/ });
    await until('the pin fetched it', async () => servers.bob.names().includes('kept:1b'));
    t.notOk(servers.alice.names().includes('kept:1b'));
    t.match(await cli('models', 'rm', 'kept:1b', '--nodes', 'bob'), {
      code: 1,
      stdout: /is pinned on bob\. Unpin it first/,
    });
  });

  await t.test('a full disk takes what the fleet fetched and nobody needs', async (t) => {
    await fleet.apply({ name: 'ada', model: ['qwen2.5:0.5b'], placement: { nodes: ['bob'] } as never });
    await until(
      'ada runs there',
      async () => (await fleet.client.call('agent', { params: { agent: 'ada' } })).node === 'bob',
    );
    t.match(await cli('models', 'pull', 'spare:1b', '--nodes', 'bob'), { code: 0 });
    await bob.kill('SIGTERM');
    bob = await runNode('bob', '--disk-limit', '0.1');
    await until('the spare one is gone', async () => !servers.bob.names().includes('spare:1b'), 60_000);
    t.same(servers.bob.names().sort(), ['kept:1b', 'qwen2.5:0.5b', 'theirs:1b']);
    const event = await until(
      'the event',
      async () => (await fleet.client.call('events', { query: { limit: 50, node: 'bob', type: 'model-evicted' } }))[0],
    );
    t.match(event, { text: /spare:1b was removed: the disk is nearly full, nobody here needs it/ });
  });

  await t.test('the file of models: entries of one’s own, faults by line, a tier', async (t) => {
    const path = join(fleet.folder, 'coordinator', 'models.yaml');
    writeFileSync(
      path,
      'models:\n  - name: qwen2.5-0.5b-instruct\n    tier: large\n  - name: house:9b\n    sizeGB: much\n',
    );
    const reload = await cli('models', 'reload');
    t.match(reload, { code: 2, stdout: /models\.yaml:5: models\.1\.sizeGB: expected number, got "much"/ });
    t.match(await rowOf(fleet, 'qwen2.5:0.5b'), { tier: 'large', entry: { from: 'changed' } });
    t.match((await cli('route', 'explain', 'large')).stdout, /qwen2\.5:0\.5b/, 'and requests for that tier find it');
    writeFileSync(path, 'models:\n  - name: house:9b\n    sizeGB: 0.4\n    licence: ours\n');
    const house = await until('the change is read by itself', async () => await rowOf(fleet, 'house:9b'));
    t.match(house, { tier: 'small', entry: { licence: 'ours', from: 'file' } });
    await fleet.apply({ name: 'eve', model: ['house:9b'] });
    await until('an agent has it fetched', async () =>
      Object.values(servers).some((server) => server.names().includes('house:9b')),
    );
  });

  await t.test('removed where the fleet fetched it', async (t) => {
    t.match(await cli('models', 'unpin', 'kept:1b', '--nodes', 'bob'), { code: 0, stdout: /no longer pinned on bob/ });
    t.match(await cli('models', 'rm', 'kept:1b'), { code: 0, stdout: /kept:1b is removed from bob/ });
    t.notOk(servers.bob.names().includes('kept:1b'));
    t.match(await cli('models', 'rm', 'theirs:1b'), { code: 1, stderr: /has theirs:1b from the fleet/ });
  });
});
