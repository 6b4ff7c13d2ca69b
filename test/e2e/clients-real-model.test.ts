// The official clients of OpenAI, Anthropic and Ollama with a real model: a real coordinator, a real node-agent with the embedded runtime and
// an agent. A client that leaves stops the engine: its process uses no processor time any more. Skipped where the models cannot be fetched.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { session } from '../clients/session.ts';
import { testModels } from '../fixtures/node-agent/test-models.ts';
import { childWith, startFleet, until } from '../fixtures/processes.ts';
import { nodeOf, presence, ready } from '../fixtures/steps.ts';

t.setTimeout(240_000);
const models = await testModels();
const skip = 'skip' in models ? models.skip : false;

/** Of a process so far, milliseconds. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

t.test('each official client with a real model', { skip }, async (t) => {
  if ('skip' in models) return;
  const fleet = await startFleet(t);
  const node = await fleet.runNode('alice', { models: models.modelsDir });
  await presence(fleet, 'alice', 'online');
  await until('its models', async () => ((await nodeOf(fleet, 'alice')).capacity?.models.length ?? 0) >= 2);
  await fleet.apply({ name: 'greeter', memory: { recall: 2, remember: 'turns' } });
  await ready(fleet, 'greeter', 'alice');
  const { key } = await fleet.client.call('keyCreate', { body: { name: 'session', role: 'client' } });
  const steps = session({
    url: fleet.coordinator.ready.url as string,
    key,
    model: 'smollm2-135m-instruct',
    embed: 'all-minilm-l6-v2',
    agent: 'greeter',
    async idle() {
      const engine = childWith(node, 'llama-child');
      if (engine === null) throw new Error('there is no engine');
      await until(
        'the engine rests',
        async () => {
          const before = processorMs(engine);
          await new Promise((resolve) => setTimeout(resolve, 300));
          return processorMs(engine) - before <= 20;
        },
        5_000,
      );
    },
  });
  for (const { client, what, run } of steps)
    await t.test(`${client}: ${what}`, async (t) => {
      t.comment(await run());
      t.pass();
    });
});
