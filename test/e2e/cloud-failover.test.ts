// Two paid APIs behind one gateway, scripted servers in their places: where one is overloaded as a whole the other answers at once, and the
// first is left alone with all its models; where one wants money first it is not asked again, and its client hears why.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type CloudServer, cloudKey, startCloudServer } from '../fixtures/cloud-server.ts';
import { startFleet, until } from '../fixtures/processes.ts';
import { nodeOf, presence } from '../fixtures/steps.ts';

t.setTimeout(200_000);
t.test('one paid API answers for another', async (t) => {
  const first = await startCloudServer();
  const second = await startCloudServer();
  t.teardown(() => Promise.all([first.close(), second.close()]));
  const fleet = await startFleet(t);
  const keyFile = join(fleet.folder, 'cloud-key');
  writeFileSync(keyFile, `${cloudKey}\n`);
  const offer = (provider: string, { url }: CloudServer, models: string) => ({
    class: 'cloud',
    extra: ['--cloud', provider, '--cloud-url', url, '--cloud-key-file', keyFile, '--cloud-models', models],
  });
  await fleet.runNode('claude', offer('anthropic', first, 'claude-haiku-4-5,claude-sonnet-5-5'));
  await fleet.runNode('gpt', offer('openai', second, 'gpt-6-luna'));
  for (const name of ['claude', 'gpt']) {
    await presence(fleet, name, 'online');
    await until(`${name} has models`, async () => ((await nodeOf(fleet, name)).capacity?.models.length ?? 0) > 0);
  }
  const budget = { usd: 10, per: 'month' as const };
  const { key } = await fleet.client.call('keyCreate', { body: { name: 'payer', role: 'client', budget } });
  const asks = async (model: string, content = 'Hello there') => {
    const response = await fetch(`${fleet.client.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages: [{ role: 'user', content }] }),
    });
    const body = (await response.json()) as {
      choices?: { message: { content: string } }[];
      error?: { message: string };
    };
    return {
      status: response.status,
      node: response.headers.get('x-fleet-node'),
      said: body.choices?.[0]?.message.content,
      error: body.error?.message,
    };
  };
  const list = 'claude-haiku-4-5,gpt-6-luna';
  t.match(await asks(list), { status: 200, node: 'claude', said: 'You said: Hello there' }, 'in the order of the list');
  t.equal(second.asked.length, 0);

  await t.test('overloaded: the other one at once, and the first is left alone with every model', async (t) => {
    first.mood = 'overloaded';
    const before = first.asked.length;
    t.match(await asks(list), { status: 200, node: 'gpt', said: 'You said: Hello there' });
    t.equal(first.asked.length, before + 1, 'asked once');
    t.match(await asks('claude-sonnet-5-5,gpt-6-luna'), { status: 200, node: 'gpt' });
    t.equal(first.asked.length, before + 1, 'another model of the same provider is not asked either');
    const alone = await asks('claude-haiku-4-5');
    t.match(alone, { status: 503, error: /claude-haiku-4-5 on claude: .*[Oo]verloaded/ });
    t.equal(first.asked.length, before + 1);
  });

  await t.test('rested, it is asked again', async () => {
    first.mood = null;
    await until(
      'it answers',
      async () => {
        const answer = await asks('claude-haiku-4-5');
        if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.error}`);
        return answer.node === 'claude';
      },
      60_000,
    );
  });

  await t.test('without credit: not tried again, said to its client, and the other one answers', async (t) => {
    first.mood = 'quota';
    const before = first.asked.length;
    t.match(await asks(list, 'Again'), { status: 200, node: 'gpt', said: 'You said: Again' });
    t.equal(first.asked.length, before + 1, 'asked once');
    const refused = await asks('claude-haiku-4-5');
    t.not(refused.status, 200);
    t.equal(first.asked.length, before + 1, 'not asked again');
    const condition = await until('the node says why', async () =>
      (await nodeOf(fleet, 'claude')).conditions.find(({ code }) => code === 'no-model'),
    );
    t.match(condition.text, /Anthropic wants money first/);
    t.match(await asks(list), { status: 200, node: 'gpt' }, 'what comes later goes to the other one');
    t.equal(first.asked.length, before + 1);
  });
});
