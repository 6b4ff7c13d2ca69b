// A model server that the coordinator asks itself, in real processes: told by a node-agent beside it, it is asked without that node-agent;
// what goes wrong on the way is no fault of a request.
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { type Fleet, startFleet, startProcess, until } from '../fixtures/processes.ts';
import { nodeOf } from '../fixtures/steps.ts';

t.setTimeout(120_000);

async function rig(t: Test) {
  const engine = await startProcess(t, 'test/bench/paced-engine.ts', []);
  const url = `http://127.0.0.1:${engine.ready.port as number}`;
  const fleet = await startFleet(t);
  const node = await fleet.runNode('box', { extra: ['--openai', url, '--openai-direct', 'on', '--queue', '100'] });
  await until('its model', async () => ((await nodeOf(fleet, 'box')).capacity?.models.length ?? 0) > 0);
  const key = readFileSync(fleet.coordinator.ready.keyFile as string, 'utf8').trim();
  const ask = async (content: string) => {
    const response = await fetch(`${fleet.client.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: 'paced', stream: true, messages: [{ role: 'user', content }] }),
    });
    const text = await response.text();
    return { status: response.status, words: text.match(/word /g)?.length ?? 0, isWhole: text.endsWith('[DONE]\n\n') };
  };
  const directly = () => metric(fleet, key, 'blackroad_gateway_sent_total{way="direct"}');
  await until('it is told', async () => {
    await ask('small');
    return (await metric(fleet, key, 'blackroad_gateway_direct_servers')) === 1;
  });
  return { fleet, node, engine, ask, directly };
}
async function metric(fleet: Fleet, key: string, name: string): Promise<number> {
  const text = await (
    await fetch(`${fleet.client.url}/metrics`, { headers: { authorization: `Bearer ${key}` } })
  ).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')
      .at(-1) ?? 0,
  );
}

t.test('a stream comes from the server itself, and goes on when the node-agent is killed', async (t) => {
  const { node, ask, directly } = await rig(t);
  const before = await directly();
  const asked = ask('stream');
  await until('it was sent', async () => (await directly()) === before + 1);
  await node.kill('SIGKILL');
  t.same(await asked, { status: 200, words: 20, isWhole: true });
});

t.test('a server that is killed ends what it answered, and what comes then is refused in words', async (t) => {
  const { engine, ask } = await rig(t);
  const asked = ask('stream');
  await new Promise((resolve) => setTimeout(resolve, 150));
  await engine.kill('SIGKILL');
  const broken = await asked;
  t.equal(broken.isWhole && broken.words === 20, false);
  t.ok((await ask('small')).status >= 500);
});
