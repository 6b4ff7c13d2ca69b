// Some hundred bent requests to the MCP door; `make mcp-check` sends ten thousand.
import t from 'tap';
import { openApiFleet } from '../fixtures/coordinator/api-fleet.ts';
import { fuzz } from './fuzz.ts';

t.test('each request is answered, and none with a fault of ours', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  await fleet.node('alice');
  const statuses = await fuzz({ base: fleet.base, key: fleet.keys.admin }, 400, Math.floor(Math.random() * 1e9));
  t.ok((statuses[200] ?? 0) > 100, JSON.stringify(statuses));
  t.equal((await fleet.call('GET', '/healthz')).status, 200);
});
