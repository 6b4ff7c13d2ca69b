// An editor's MCP client, the official one, at a real coordinator and a real node-agent with a scripted model server: over HTTP, and over
// standard input and output by `fleet mcp`. What it takes back stops at the model server.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import t from 'tap';
import { startModelServer } from '../fixtures/model-server.ts';
import { type Fleet, startFleet, until } from '../fixtures/processes.ts';
import { ended, ready, submit } from '../fixtures/steps.ts';

t.setTimeout(180_000);
const root = join(import.meta.dirname, '../..');
/** What loading the SDK, and the server of a request, may cost a coordinator. */
const maxGrowthBytes = 64 * 1024 * 1024;

type Open = () => Promise<Client>;
const over = (fleet: Fleet, key: string): Record<'HTTP' | 'stdio', Open> => ({
  async HTTP() {
    const client = new Client({ name: 'editor', version: '1.0.0' });
    const headers = { authorization: `Bearer ${key}` };
    const transport = new StreamableHTTPClientTransport(new URL('/mcp', fleet.client.url), {
      requestInit: { headers },
    });
    await client.connect(transport as never);
    return client;
  },
  async stdio() {
    const client = new Client({ name: 'editor', version: '1.0.0' });
    const env = { PATH: process.env.PATH ?? '', BLACKROAD_COORDINATOR: fleet.client.url, BLACKROAD_KEY: key };
    const command = join(root, 'bin/fleet');
    await client.connect(new StdioClientTransport({ command, args: ['mcp'], env, stderr: 'pipe' }));
    return client;
  },
});
const memoryOf = (pid: number) =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

t.test('an editor uses the fleet', async (t) => {
  const server = await startModelServer();
  t.teardown(() => server.close());
  const fleet = await startFleet(t);
  await fleet.runNode('box', { extra: ['--openai', server.url] });
  await fleet.apply({ name: 'greeter' });
  await ready(fleet, 'greeter');
  const { key } = await fleet.client.call('keyCreate', { body: { name: 'editor', role: 'operator' } });
  const before = memoryOf(fleet.coordinator.child.pid as number);

  for (const [kind, open] of Object.entries(over(fleet, key)))
    await t.test(`over ${kind}`, async (t) => {
      const client = await open();
      t.match(client.getServerVersion(), { name: 'blackroad-fleet' });
      t.equal((await client.listTools()).tools.length, 7);
      const nodes = await client.callTool({ name: 'list_nodes', arguments: {} });
      t.match(nodes.structuredContent, { nodes: [{ node: 'box', presence: 'online', agents: ['greeter'] }] });
      const wrong = (await client.callTool({ name: 'list_nodes', arguments: { limit: 'all' } })) as CallToolResult;
      t.match(wrong, { isError: true, content: [{ text: /limit: expected .*, got "all"/ }] });

      const told: string[] = [];
      const question = {
        name: 'ask_agent',
        arguments: { agent: 'greeter', prompt: 'slow 60 one two three four five' },
      };
      const answer = await client.callTool(question, undefined, {
        onprogress: ({ message }) => void told.push(message ?? ''),
      });
      t.match(answer.structuredContent, { state: 'done', node: 'box', answer: /slow 60 one two three four five/ });
      t.ok(told.length > 2, `${told.length} pieces`);

      const left = server.left;
      const open1 = server.open;
      const abort = new AbortController();
      const hanging = client.callTool(
        { name: 'ask_agent', arguments: { agent: 'greeter', prompt: 'hang' } },
        undefined,
        { signal: abort.signal },
      );
      hanging.catch(() => {});
      await until('the model works on it', async () => server.open > open1);
      const begunMs = performance.now();
      abort.abort('enough');
      while (server.left === left && performance.now() - begunMs < 5_000)
        await new Promise((resolve) => setTimeout(resolve, 2));
      const tookMs = performance.now() - begunMs;
      t.ok(tookMs < 200, `taken back at the model server after ${Math.round(tookMs)} ms`);
      t.comment(`${kind}: taken back at the model server after ${Math.round(tookMs)} ms`);

      if (kind === 'stdio') {
        // An editor that ends takes its questions along.
        const last = client.callTool({ name: 'ask_agent', arguments: { agent: 'greeter', prompt: 'hang' } });
        last.catch(() => {});
        await until('the model works on it', async () => server.open > open1);
        await client.close();
        await until('it is taken back', async () => server.left > left + 1);
      } else await client.close();
    });

  const grown = memoryOf(fleet.coordinator.child.pid as number) - before;
  t.comment(`the coordinator grew by ${Math.round(grown / 1024 / 1024)} MiB with its first MCP clients`);
  t.ok(grown < maxGrowthBytes, `${Math.round(grown / 1024 / 1024)} MiB`);

  await t.test('after a restart of the coordinator the same clients go on', async (t) => {
    const clients = await Promise.all(Object.values(over(fleet, key)).map((open) => open()));
    await fleet.stopCoordinator('SIGKILL');
    for (const client of clients) await t.rejects(client.callTool({ name: 'list_nodes', arguments: {} }));
    await fleet.startCoordinator();
    for (const client of clients)
      t.match((await client.callTool({ name: 'list_nodes', arguments: {} })).structuredContent, { nodes: [{}] });
    await Promise.all(clients.map((client) => client.close()));
  });

  await t.test('a key that is none is refused in words', async (t) => {
    for (const open of Object.values(over(fleet, 'brk_0123456789_no')))
      await t.rejects(open(), /API key is not known here/);
  });
});

t.test('an agent uses the tools of an MCP server that its node has', async (t) => {
  const server = await startModelServer();
  t.teardown(() => server.close());
  const fleet = await startFleet(t);
  const file = join(fleet.folder, 'servers.json');
  const fixture = join(root, 'test/fixtures/mcp/server.ts');
  const args = ['--disable-warning=ExperimentalWarning', fixture];
  const gone = { url: 'http://127.0.0.1:9/api/mcp' };
  const mcpServers = { sample: { command: process.execPath, args, env: { LIGHT: 'on' } }, gone };
  writeFileSync(file, JSON.stringify({ mcpServers }), { mode: 0o600 });
  await fleet.runNode('box', { extra: ['--openai', server.url, '--mcp-servers', file] });
  const tools = [
    { tool: 'mcp' as const, server: 'sample', tools: ['environment'] },
    { tool: 'mcp' as const, server: 'gone', tools: ['*'] },
    { tool: 'mcp' as const, server: 'elsewhere', tools: ['*'] },
  ];
  await fleet.apply({ name: 'porter', tools });
  await ready(fleet, 'porter');
  const task = await submit(fleet, 'porter', 'tool');
  const { state, result, usage } = await ended(fleet, task.id);
  t.match({ state, result, usage }, { state: 'done', result: /\bLIGHT\b/, usage: { toolCalls: 1 } });
  const asked = JSON.stringify(server.asked.at(-1));
  t.match(asked, /"name":"sample_environment"/);
  t.notMatch(asked, /sample_echo/, 'what was not granted is not offered');
  t.match(
    asked,
    /Tools are missing: the MCP server gone is not used now: nothing answers at http:\/\/127\.0\.0\.1:9\./,
  );
  t.match(asked, /Tools are missing: this node has no MCP server elsewhere/);
  const { reason } = await fleet.client.call('agent', { params: { agent: 'porter' } });
  t.match(reason, /Tools are missing: this node has no MCP server elsewhere/, 'whoever wrote the agent sees it');
  const page = await until('the page of the node says so', async () => {
    const { info } = await fleet.client.call('node', { params: { node: 'box' } });
    return info?.notes.find((note) => note.includes('gone'));
  });
  t.equal(page, 'the MCP server gone is not used now: nothing answers at http://127.0.0.1:9.');
});
