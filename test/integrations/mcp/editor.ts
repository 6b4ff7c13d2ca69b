// An editor's client, the official one, at the fleet: what it lists, calls, is told while it waits, takes back, and is refused. In: a fleet and
// the way to reach it. Out: a line a claim, with its time.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { ready } from '../../fixtures/steps.ts';
import { until } from '../../fixtures/until.ts';
import type { Cast } from './check.ts';

type Way = 'HTTP' | 'stdio';
const fleetCommand = new URL('../../../bin/fleet', import.meta.url).pathname;
const callMs = 2_000;
/** A first answer of the process that `fleet mcp` is comes after its start. */
const helloMs: Record<Way, number> = { HTTP: 3_000, stdio: 10_000 };
const cancelMs = 200;
/** Bad arguments of each tool, and the one that the answer has to name. */
const wrong: Record<string, [Record<string, unknown>, string]> = {
  list_nodes: [{ limit: 'all' }, 'limit'],
  explain_placement: [{ agent: 7 }, 'agent'],
  ask_agent: [{ agent: 'greeter' }, 'prompt'],
  search_memory: [{ query: '' }, 'query'],
  plan_change: [{ nodes: [{ node: 'box', draining: 'yes' }] }, 'nodes.0.draining'],
  apply_plan: [{ nodes: [{ node: 'box', cordoned: true }], digest: 'none' }, 'digest'],
  recent_events: [{ type: 'earthquake' }, 'type'],
};

async function connect(way: Way, url: string, key: string): Promise<Client> {
  const client = new Client({ name: 'editor', version: '1.0.0' });
  if (way === 'HTTP') {
    const requestInit = { headers: { authorization: `Bearer ${key}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit }) as never);
  } else {
    const env = { PATH: process.env.PATH ?? '', BLACKROAD_COORDINATOR: url, BLACKROAD_KEY: key };
    await client.connect(new StdioClientTransport({ command: fleetCommand, args: ['mcp'], env, stderr: 'ignore' }));
  }
  return client;
}

export async function editor(cast: Cast, way: Way): Promise<void> {
  const { fleet, model, prove, teardown } = cast;
  await fleet.runNode('box', { extra: ['--openai', model.url] });
  await fleet.apply({ name: 'greeter' });
  await ready(fleet, 'greeter');
  const { key } = await fleet.client.call('keyCreate', { body: { name: 'editor', role: 'operator' } });
  const { url } = fleet.client;

  let client = new Client({ name: 'nobody', version: '1.0.0' });
  await prove('it connects, and the fleet says its name', helloMs[way], async () => {
    client = await connect(way, url, key);
    return client.getServerVersion()?.name === 'blackroad-fleet';
  });
  teardown(() => client.close());
  await listing(cast, client);
  await calling(cast, client);
  await asking(cast, client);
  await prove('bad arguments of each tool: an error in words that names the argument', callMs, async () => {
    for (const [name, [args, field]] of Object.entries(wrong)) {
      const { isError, content } = await called(client, name, args);
      const [said] = content as { text: string }[];
      if (!isError || !said?.text.includes(`${field}: expected `)) return `${name}: ${said?.text}`;
    }
    return true;
  });
  await refusals(cast, way);
}

async function called(client: Client, name: string, args: Record<string, unknown> = {}): Promise<CallToolResult> {
  return (await client.callTool({ name, arguments: args })) as CallToolResult;
}

async function listing({ prove }: Cast, client: Client): Promise<void> {
  await prove('it lists seven tools, each with schemas and hints', callMs, async () => {
    const { tools } = await client.listTools();
    const names = tools.map(({ name }) => name).toSorted();
    const bare = tools.find(
      ({ outputSchema, annotations }) => !outputSchema || annotations?.readOnlyHint === undefined,
    );
    const dangerous = tools.filter(({ annotations }) => annotations?.destructiveHint).map(({ name }) => name);
    if (bare) return `${bare.name} has no schema of its answer, or no hints`;
    if (String(dangerous) !== 'apply_plan') return `destructive: ${dangerous}`;
    return String(names) === String(Object.keys(wrong).toSorted()) || `its tools: ${names}`;
  });
  await prove('it reads the spec of an agent and the page of a node', callMs, async () => {
    const uris = (await client.listResources()).resources.map(({ uri }) => uri);
    for (const uri of ['fleet://agent/greeter', 'fleet://node/box']) {
      if (!uris.includes(uri)) return `${uri} is not listed: ${uris}`;
      const [content] = (await client.readResource({ uri })).contents as { text: string }[];
      if (!content?.text.includes(uri.split('/').at(-1) as string)) return `${uri} says: ${content?.text}`;
    }
    return true;
  });
  await prove('it lists the prompts, and gets one', callMs, async () => {
    const { prompts } = await client.listPrompts();
    const { messages } = await client.getPrompt({ name: 'what_needs_me' });
    return (prompts.length >= 4 && messages.length === 1) || `${prompts.length} prompts`;
  });
}

/** The client itself refuses an answer that does not fit the tool's schema. */
async function calling({ fleet, prove }: Cast, client: Client): Promise<void> {
  const answers = (name: string, args: Record<string, unknown>, fits: (answer: never) => boolean) =>
    prove(`${name} answers as its schema says`, callMs, async () => {
      const { isError, content, structuredContent } = await called(client, name, args);
      return (!isError && fits(structuredContent as never)) || JSON.stringify(content).slice(0, 300);
    });
  await answers('list_nodes', {}, ({ nodes: [node] }: { nodes: { node: string; presence: string }[] }) => {
    return node?.node === 'box' && node.presence === 'online';
  });
  await answers('explain_placement', { agent: 'greeter' }, (answer: object) => JSON.stringify(answer).includes('box'));
  await answers('search_memory', { query: 'anything' }, ({ memories }: { memories: unknown[] }) =>
    Array.isArray(memories),
  );
  await answers('recent_events', {}, ({ events }: { events: unknown[] }) => events.length > 0);
  const change = { nodes: [{ node: 'box', cordoned: true }] };
  let digest = '';
  await answers('plan_change', change, (answer: { digest: string; steps: string[] }) => {
    digest = answer.digest;
    return String(answer.steps) === 'cordon box';
  });
  await answers('apply_plan', { ...change, digest }, ({ done }: { done: string[] }) => String(done) === 'cordon box');
  await prove('what was applied is so', 1_000, async () => {
    return (await fleet.client.call('node', { params: { node: 'box' } })).cordoned;
  });
}

async function asking({ model, prove, quick }: Cast, client: Client): Promise<void> {
  await prove('ask_agent: its words are told while it answers', 10_000, async () => {
    const told: number[] = [];
    const question = { agent: 'greeter', prompt: 'slow 60 one two three four five six' };
    const answer = await client.callTool({ name: 'ask_agent', arguments: question }, undefined, {
      onprogress: () => void told.push(performance.now()),
    });
    const aheadMs = performance.now() - (told[0] ?? performance.now());
    const { state } = answer.structuredContent as { state: string };
    return (
      (state === 'done' && told.length > 2 && aheadMs > 150) ||
      `${told.length} pieces, the first ${aheadMs} ms before the end`
    );
  });
  const { left, open } = model;
  const abort = new AbortController();
  const question = { name: 'ask_agent', arguments: { agent: 'greeter', prompt: 'hang' } };
  const hanging = client.callTool(question, undefined, { signal: abort.signal }).catch(() => {});
  await until(() => model.open > open);
  abort.abort('enough');
  await quick('ask_agent taken back: the model server notices', cancelMs, async () => {
    return model.left > left || 'the model server still works on it';
  });
  await hanging;
}

async function refusals({ fleet, prove }: Cast, way: Way): Promise<void> {
  const { url } = fleet.client;
  if (way === 'HTTP')
    await prove('without a key: 401, and www-authenticate says Bearer', callMs, async () => {
      const { status, headers } = await fetch(`${url}/mcp`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
      });
      const asks = headers.get('www-authenticate') ?? '';
      return (status === 401 && asks.startsWith('Bearer')) || `${status}, www-authenticate: ${asks}`;
    });
  await prove('with a key that is none it is refused in words', helloMs[way], async () => {
    const outcome = await connect(way, url, 'brk_0123456789_no').then(
      () => 'it was let in',
      (error: Error) => error.message,
    );
    return /API key is not known here/.test(outcome) || outcome;
  });
  const { key } = await fleet.client.call('keyCreate', { body: { name: 'reader', role: 'viewer' } });
  await prove('the key of a viewer sees no tool that changes anything', helloMs[way], async () => {
    const reader = await connect(way, url, key);
    const { tools } = await reader.listTools();
    await reader.close();
    const changing = tools.filter(({ annotations }) => !annotations?.readOnlyHint).map(({ name }) => name);
    return (tools.length > 0 && changing.length === 0) || `${tools.length} tools, of which change: ${changing}`;
  });
}
