// `make clients`: a session of each official client with a fleet that runs on this machine, one line for each thing tried. Ends with 1 if
// anything is not as promised. Nothing is paid for: the key that it makes, and revokes at its end, has no budget of money.
import { parseArgs } from 'node:util';
import { createClient } from '../../coordinator/cli/src/client.ts';
import { findFleet } from '../../coordinator/cli/src/find-fleet.ts';
import { until } from '../fixtures/processes.ts';
import { session } from './session.ts';

/** Nodes report the load of their models with each heartbeat. */
const idleWithinMs = 30_000;

const { values } = parseArgs({ options: { data: { type: 'string', default: 'data' }, model: { type: 'string' } } });
const place = findFleet({ data: values.data, isNamed: true });
const admin = createClient(place);
const nodes = async () => (await admin.call('nodes')).filter(({ presence }) => presence === 'online');
const free = (await nodes()).filter(({ class: of }) => of !== 'cloud');
const models = free.flatMap(({ capacity }) => capacity?.models ?? []);
const model = values.model ?? models.find(({ kind }) => kind === 'chat')?.name;
if (model === undefined) {
  console.error('No node has a chat model: bin/fleet models pull fetches one.');
  process.exit(2);
}
const agents = await admin.call('agents');
const key = await admin.call('keyCreate', { body: { name: `clients-${process.pid}`, role: 'client' } });
const steps = session({
  url: place.url,
  key: key.key,
  model,
  embed: models.find(({ kind }) => kind === 'embed')?.name ?? null,
  agent: agents.find(({ state }) => state === 'ready')?.name ?? null,
  async idle() {
    const busy = async () =>
      (await nodes()).flatMap(({ health }) => health?.models ?? []).filter(({ busy }) => busy > 0);
    await until('no model is at work', async () => (await busy()).length === 0, idleWithinMs);
  },
});
let failed = 0;
try {
  for (const { client, what, run } of steps) {
    const said = await run().catch((error: Error) => {
      failed++;
      return `FAILED: ${error.message}`;
    });
    console.log(`${client.padEnd(10)} ${what.padEnd(26)} ${said.replaceAll('\n', ' ').slice(0, 150)}`);
  }
} finally {
  await admin.call('keyRevoke', { params: { id: key.id } });
}
console.log(`${steps.length - failed} of ${steps.length} with ${model}`);
process.exit(failed > 0 ? 1 : 0);
