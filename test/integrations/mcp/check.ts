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
/** Of one key: more in a minute are refused with 429, which says nothing of what they hold. */
const ofOneKey = 1_000;
async function bent({ fleet, model, prove }: Cast): Promise<void> {
  await fleet.runNode('box', { extra: ['--openai', model.url] });
  await fleet.apply({ name: 'greeter' });
  await ready(fleet, 'greeter');
  const { pid } = fleet.coordinator.child;
  const seed = Math.floor(Math.random() * 1e9);
  await prove(`${bentRequests} bent requests are answered, none with a fault of ours`, 300_000, async () => {
    let understood = 0;
    for (let at = 0; at < bentRequests; at += ofOneKey) {
      const { key } = await fleet.client.call('keyCreate', { body: { name: `bent-${at}`, role: 'admin' } });
      const statuses = await fuzz({ base: fleet.client.url, key }, ofOneKey, seed + at);
      understood += statuses[200] ?? 0;
    }
    return understood > bentRequests / 4 || `${understood} were understood (seed ${seed})`;
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
