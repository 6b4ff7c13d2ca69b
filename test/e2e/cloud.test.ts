// Local small, local large, cloud, as real processes: an agent whose own machines are away is answered by a paid API, a scripted server in its
// place; the money is in the usage; when the provider wants money first, the node says so; and the agent goes home when its machine is back.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { cloudKey, startCloudServer } from '../fixtures/cloud-server.ts';
import { startModelServer } from '../fixtures/model-server.ts';
import { runNodeAgent, startFleet, until } from '../fixtures/processes.ts';
import { agentOf, ask, nodeOf, presence, ready, submit, taskOf } from '../fixtures/steps.ts';

t.setTimeout(200_000);
t.test('own machines first, a paid API when they are away', async (t) => {
  const provider = await startCloudServer();
  const server = await startModelServer();
  t.teardown(() => Promise.all([provider.close(), server.close()]));
  const fleet = await startFleet(t, { args: ['--restart-grace', '1'] });
  const keyFile = join(fleet.folder, 'cloud-key');
  writeFileSync(keyFile, `${cloudKey}\n`);
  const cloud = ['--cloud', 'openai', '--cloud-url', provider.url, '--cloud-key-file', keyFile];
  const offer = [...cloud, '--cloud-models', 'gpt-6.1-terra,gpt-6-luna'];

  const own = () => fleet.runNode('own', { class: 'cpu', extra: ['--openai', server.url] });
  let local = await own();
  const paid = await fleet.runNode('paid', { class: 'cloud', extra: offer });
  for (const name of ['own', 'paid']) await presence(fleet, name, 'online');
  // It is online before it has told what it carries.
  const { capacity, info } = await until('its capacity is known', async () => {
    const view = await nodeOf(fleet, 'paid');
    return view.capacity !== null && view;
  });
  t.match(capacity, { defaultChat: 'gpt-6.1-terra', pricePerMillionTokens: 2, pulls: { length: 0 } });
  t.match(capacity?.models[0], { runtime: 'cloud', tier: 'medium', price: { read: 1, written: 5, cached: 0.05 } });
  t.match(info?.runtimes, [/^OpenAI at /]);

  await fleet.apply({
    name: 'thinker',
    model: ['small', 'large', 'gpt-6.1-terra'],
    placement: { class: ['cpu', 'gpu', 'cloud'] } as never,
    memory: { recall: 2, remember: 'turns' },
  });
  await ready(fleet, 'thinker', 'own');
  t.match(await ask(fleet, 'thinker', 'Who is there?'), { state: 'done', node: 'own' });
  t.equal(provider.asked.length, 0, 'nothing was paid');

  await t.test('away: the paid one answers, and its memory came along', async (t) => {
    await local.kill('SIGKILL');
    await ready(fleet, 'thinker', 'paid');
    const task = await ask(fleet, 'thinker', 'Are you there?');
    t.match(task, { state: 'done', node: 'paid', result: /^You said: / });
    t.match(task.usage, { model: 'gpt-6.1-terra', promptTokens: 100, cachedTokens: 40 });
    const [asked] = provider.asked;
    t.match(asked, { model: 'gpt-6.1-terra', stream: true });
    t.match(JSON.stringify(asked?.messages), /Who is there\?/, 'the conversation of the other node');
    const said = provider.headers.find((each) => each.authorization !== undefined);
    t.equal(said?.authorization, `Bearer ${cloudKey}`);
  });

  await t.test('the money is in the usage, beside what the own answers would have cost', async (t) => {
    await fleet.restartCoordinator('SIGTERM');
    const usage = await until('usage is written', async () => {
      const found = await fleet.client.call('usage', { query: { by: 'node' } });
      return found.rows.length === 2 && found;
    });
    const of = (name: string) => usage.rows.find(({ key }) => key === name);
    const written = of('paid')?.completionTokens ?? 0;
    t.ok(written > 0);
    const expected = (60 * 1 + 40 * 0.05 + written * 5) / 1e6;
    t.ok(Math.abs((of('paid')?.costUsd ?? 0) - expected) < 1e-12, `$${of('paid')?.costUsd}`);
    t.equal(of('paid')?.cloudUsd, 0);
    t.equal(of('own')?.costUsd, 0);
    t.ok((of('own')?.cloudUsd ?? 0) > 0);
    t.match(usage.reference, [{ of: 'small', provider: 'openai' }, { of: 'medium' }, { of: 'large' }, { of: 'embed' }]);
  });

  await t.test('the provider wants money first: nothing is asked again, and the node says why', async (t) => {
    await presence(fleet, 'paid', 'online');
    await ready(fleet, 'thinker', 'paid');
    const before = provider.asked.length;
    const task = await submit(fleet, 'thinker', 'quota please');
    const condition = await until('the node says so', async () => {
      const { conditions } = await nodeOf(fleet, 'paid');
      return conditions.find(({ code }) => code === 'no-model');
    });
    t.match(condition.text, /OpenAI wants money first .*pay or raise the limit/);
    t.notMatch(condition.text, cloudKey);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    t.equal(provider.asked.length, before + 1, 'asked once');
    const waiting = await taskOf(fleet, task.id);
    t.match(waiting, { state: 'queued', past: [{ outcome: 'refused', node: 'paid' }] });

    local = await own();
    await ready(fleet, 'thinker', 'own');
    const end = await until('its own machine does it', async () => {
      const view = await taskOf(fleet, task.id);
      return view.state === 'done' && view;
    });
    t.equal(end.node, 'own');
    t.notMatch(paid.log(), cloudKey, 'the key is in no log');
    t.equal((await agentOf(fleet, 'thinker')).node, 'own');
  });

  await t.test('a node of another class is no way to spend money', async (t) => {
    await local.kill('SIGTERM');
    const { code, stderr } = await runNodeAgent([
      'run',
      '--data',
      join(fleet.folder, 'own'),
      '--instance',
      'own',
      ...cloud,
    ]);
    t.equal(code, 2);
    t.match(stderr, /--cloud: expected a node of class cloud, own is of class cpu/);
  });
});
