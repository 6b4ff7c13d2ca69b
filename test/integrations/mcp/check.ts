// MCP both ways: the official client at a real coordinator and node-agent, over HTTP and over `fleet mcp`; bent requests; and an agent of
// ours that uses the tools of other servers, good and bad ones. In: what was proven so far. Out: the same with its claims.
import { readFileSync } from 'node:fs';
import { type ModelServer, startModelServer } from '../../fixtures/model-server.ts';
import { type Fleet, startFleet } from '../../fixtures/processes.ts';
import { ready } from '../../fixtures/steps.ts';
import { fuzz } from '../../mcp/fuzz.ts';
import type { Proofs, Prove } from '../proofs.ts';
import { editor } from './editor.ts';
import { otherServers } from './other-servers.ts';

export interface Cast {
  fleet: Fleet;
  model: ModelServer;
  prove: Prove;
  /** Tries often, for claims of milliseconds. */
  quick: Prove;
  teardown(end: () => unknown): unknown;
}

const { version } = JSON.parse(
  readFileSync(new URL('../../../node_modules/@modelcontextprotocol/sdk/package.json', import.meta.url), 'utf8'),
) as { version: string };
const parts = {
  http: { name: `MCP client ${version}, HTTP`, play: (cast: Cast) => editor(cast, 'HTTP') },
  stdio: { name: `MCP client ${version}, fleet mcp`, play: (cast: Cast) => editor(cast, 'stdio') },
  fuzz: { name: 'MCP, bent requests', play: bent },
  servers: { name: 'MCP servers of others', play: otherServers },
};

export async function mcp(proofs: Proofs, _say: (line: string) => void, only = ''): Promise<void> {
  for (const [part, { name, play }] of Object.entries(parts)) {
    if (only !== '' && only !== part) continue;
    const ends: (() => unknown)[] = [];
    const teardown = (end: () => unknown) => ends.unshift(end);
    const prove = proofs.of(name);
    try {
      const model = await startModelServer();
      teardown(() => model.close());
      const fleet = await startFleet({ teardown });
      await play({ fleet, model, prove, quick: proofs.of(name, 2), teardown });
    } catch (error) {
      await prove('the story goes on to its end', 0, async () => (error as Error).stack ?? String(error));
    } finally {
      for (const end of ends) await end();
    }
  }
}

const bentRequests = 10_000;
async function bent({ fleet, model, prove }: Cast): Promise<void> {
  await fleet.runNode('box', { extra: ['--openai', model.url] });
  await fleet.apply({ name: 'greeter' });
  await ready(fleet, 'greeter');
  const { key } = await fleet.client.call('keyCreate', { body: { name: 'bent', role: 'admin' } });
  const { pid } = fleet.coordinator.child;
  let seed = Math.floor(Math.random() * 1e9);
  await prove(`${bentRequests} bent requests are answered, none with a fault of ours`, 300_000, async () => {
    const statuses = await fuzz({ base: fleet.client.url, key }, bentRequests, seed++);
    return (statuses[200] ?? 0) > bentRequests / 4 || `few were understood: ${JSON.stringify(statuses)}`;
  });
  await prove('the coordinator is the same process, and the fleet is well', 1_000, async () => {
    const { exitCode } = fleet.coordinator.child;
    const node = await fleet.client.call('node', { params: { node: 'box' } });
    return (
      (exitCode === null && fleet.coordinator.child.pid === pid && node.presence === 'online') ||
      `it ended with ${exitCode}, the node is ${node.presence}`
    );
  });
}
