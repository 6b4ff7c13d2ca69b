// `make mcp-check`: ten thousand bent requests to the MCP door of a coordinator in this process. Arguments: how many, and the seed.
import { openApiFleet } from '../fixtures/coordinator/api-fleet.ts';
import { fuzz } from './fuzz.ts';

const [count = '10000', seed = '1'] = process.argv.slice(2);
const fleet = await openApiFleet({ limits: { requestsPerMinute: 1e9 } });
const alice = await fleet.node('alice');
alice.onLease = (_, work) => work.end('an answer');
await fleet.call('PUT', '/v1/agents/greeter', { body: { name: 'greeter', model: ['auto'], instructions: '' } });
const begunMs = performance.now();
const { user } = process.cpuUsage();
const statuses = await fuzz({ base: fleet.base, key: fleet.keys.admin }, Number(count), Number(seed));
const health = await fleet.call('GET', '/healthz');
if (health.status !== 200) throw new Error(`the coordinator is not well: ${health.status}`);
console.log(
  `${count} requests, seed ${seed}: ${JSON.stringify(statuses)}, ${Math.round((performance.now() - begunMs) / 1000)} s, ` +
    `${Math.round((process.cpuUsage().user - user) / 1e6)} s of processor time, ${Math.round(process.memoryUsage().rss / 1024 / 1024)} MiB`,
);
await fleet.close();
