// MCP over HTTP with the official client: what is listed, called, streamed, taken back and refused, with real HTTP and a node that says what
// the test has it say.

import { maxMcpRequestsPerKey } from '@blackroad/protocol';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { type CallToolResult, SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { until } from '../../../test/fixtures/until.ts';

const fleet = await openApiFleet({ limits: { refusalsPerMinute: 10_000 } });
const alice = await fleet.node('alice');
await fleet.node('bob');
const spec = { name: 'greeter', model: ['auto'], instructions: 'Be kind.' };
await fleet.call('PUT', '/v1/agents/greeter', { body: spec });
await until(() => fleet.agent('greeter')?.placement?.node !== undefined);
t.teardown(() => fleet.close());

const at = new URL(`${fleet.base}/mcp`);
async function connect(key: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  const headers = { authorization: `Bearer ${key}` };
  await client.connect(new StreamableHTTPClientTransport(at, { requestInit: { headers } }) as never);
  return client;
}
const admin = await connect(fleet.keys.admin);
t.teardown(() => admin.close());
const textOf = (result: unknown) => ((result as CallToolResult).content[0] as { text: string }).text;
async function call<T = Record<string, unknown>>(name: string, args: object, client = admin) {
  const result = (await client.callTool({ name, arguments: args as never })) as CallToolResult;
  return { isError: result.isError === true, text: textOf(result), value: result.structuredContent as T };
}

/** A message as it is, without a client that would mend it. */
const post = (body: unknown, headers: Record<string, string> = {}, key: string | null = fleet.keys.admin) =>
  fleet.call<{ result?: Record<string, unknown>; error?: { code: number; message: string } }>('POST', '/mcp', {
    key,
    body,
    headers: { accept: 'application/json, text/event-stream', ...headers },
  });

t.test('tools are listed with what is true of them, and only those that the key may use', async (t) => {
  const { tools } = await admin.listTools();
  t.same(
    tools.map(({ name, annotations }) => [name, annotations?.readOnlyHint, annotations?.destructiveHint]),
    [
      ['list_nodes', true, false],
      ['explain_placement', true, false],
      ['ask_agent', false, false],
      ['search_memory', true, false],
      ['plan_change', true, false],
      ['apply_plan', false, true],
      ['recent_events', true, false],
    ],
  );
  for (const { name, inputSchema, outputSchema } of tools) {
    t.equal(inputSchema.type, 'object', name);
    t.equal(outputSchema?.type, 'object', name);
  }
  const viewer = await connect(fleet.keys.viewer);
  const client = await connect(fleet.keys.client);
  t.same(
    (await viewer.listTools()).tools.map(({ name }) => name),
    ['list_nodes', 'explain_placement', 'search_memory', 'plan_change', 'recent_events'],
  );
  t.same(
    (await client.listTools()).tools.map(({ name }) => name),
    ['ask_agent'],
  );
  const refused = await call('apply_plan', {}, viewer);
  t.match(refused, { isError: true, text: /^apply_plan needs the permissions .*agents:write.*; viewer is viewer\.$/ });
  t.same((await client.listResources()).resources, []);
  await Promise.all([viewer.close(), client.close()]);
});

t.test('each tool answers as its output schema says, which the client checks', async (t) => {
  const nodes = await call<{ nodes: { node: string }[]; next: string | null }>('list_nodes', { limit: 1 });
  t.match(nodes.value, { nodes: [{ node: 'alice', presence: 'online' }], next: 'alice' });
  t.same(JSON.parse(nodes.text), nodes.value, 'the text is the same');
  t.match((await call('list_nodes', { after: 'alice' })).value, { nodes: [{ node: 'bob' }], next: null });
  t.same((await call('list_nodes', { site: 'nowhere' })).value, { nodes: [], next: null });
  t.match((await call('explain_placement', { agent: 'greeter' })).value, { agent: 'greeter', others: Array });
  t.match((await call('search_memory', { query: 'tuna' })).value, { memories: { length: 0 } });
  t.match((await call('recent_events', { limit: 2 })).value, { events: [{ text: String }, {}], next: Number });
});

t.test('bad arguments of each tool are an answer that names the argument, and says why', async (t) => {
  const wrong: [string, object, RegExp][] = [
    ['list_nodes', { limit: 0 }, /limit: expected .*, got 0/],
    ['list_nodes', { colour: 'red' }, /colour: expected/],
    ['explain_placement', {}, /agent: expected .*, got nothing/],
    ['explain_placement', { agent: 'greeterr' }, /greeterr.*greeter/s],
    ['ask_agent', { agent: 'greeter' }, /prompt: expected .*, got nothing/],
    ['ask_agent', { agent: 'nobody', prompt: 'hello' }, /"nobody"/],
    ['ask_agent', { agent: 'greeter', prompt: 'x'.repeat(40_000) }, /prompt: expected/],
    ['search_memory', { query: '' }, /query: expected/],
    ['search_memory', { query: 'a', agent: 'nobody' }, /"nobody"/],
    ['plan_change', {}, /^agents, nodes: expected at least one change/],
    ['plan_change', { nodes: [{ node: 'carol', draining: true }] }, /"carol"/],
    ['plan_change', { nodes: [{ node: 'alice' }] }, /nodes\.0/],
    ['plan_change', { agents: [{ name: 'x', instructions: '' }] }, /agents\.0\.model: expected/],
    [
      'plan_change',
      { agents: [{ ...spec, triggers: [{ cron: 'never', prompt: 'a' }] }] },
      /^agents\.0\.triggers\.0\.cron: expected/,
    ],
    ['plan_change', { agents: [spec, spec] }, /^agents\.1: expected each name once/],
    ['apply_plan', { nodes: [{ node: 'bob', cordoned: true }] }, /digest: expected .*, got nothing/],
    ['apply_plan', { nodes: [{ node: 'bob', cordoned: true }], digest: '0'.repeat(64) }, /^digest: expected the one/],
    ['recent_events', { type: 'party' }, /type: expected/],
  ];
  for (const [name, args, words] of wrong) {
    const { isError, text } = await call(name, args);
    t.ok(isError, `${name} ${text}`);
    t.match(text, words);
  }
  for (const name of new Set(wrong.map(([each]) => each)))
    for (const [given, got] of [
      ['all', '"all"'],
      [[1], '[1]'],
      [null, 'null'],
    ] as const)
      t.equal(
        (await call(name, given as never)).text,
        `The arguments of ${name} are wrong: arguments: expected object, got ${got}`,
      );
  await t.rejects(admin.callTool({ name: 'drop_tables', arguments: {} }), /name: expected list_nodes/);
});

t.test('an answer is told while it is written', async (t) => {
  alice.onLease = (_, work) => {
    work.speak('Hello ');
    setTimeout(() => work.speak('there.'), 150);
    setTimeout(() => work.end('Hello there.'), 300);
  };
  const told: { progress: number; message?: string }[] = [];
  const result = (await admin.callTool(
    { name: 'ask_agent', arguments: { agent: 'greeter', prompt: 'hi' } },
    undefined,
    {
      onprogress: (progress) => void told.push(progress),
    },
  )) as CallToolResult;
  t.match(result.structuredContent, { state: 'done', answer: 'Hello there.', node: 'alice', isCut: false });
  t.equal(told.map(({ message }) => message).join(''), 'Hello there.');
  t.ok(told.length >= 2 && told.every(({ progress }, i) => i === 0 || progress > (told[i - 1]?.progress ?? 0)));
});

t.test('a request that is taken back cancels the task at once', async (t) => {
  let leased = '';
  let cancelledMs = 0;
  alice.onLease = ({ task }) => {
    leased = task;
  };
  alice.onMessage = ({ name }) => {
    if (name === 'cancel') cancelledMs = performance.now();
  };
  const abort = new AbortController();
  const pending = admin.callTool({ name: 'ask_agent', arguments: { agent: 'greeter', prompt: 'long' } }, undefined, {
    signal: abort.signal,
  });
  await until(() => leased !== '');
  const begunMs = performance.now();
  abort.abort('enough');
  await t.rejects(pending);
  await until(() => cancelledMs > 0);
  t.ok(cancelledMs - begunMs < 200, `${Math.round(cancelledMs - begunMs)} ms`);
  t.match((await fleet.call('GET', `/v1/tasks/${leased}`)).body, { state: 'cancelled' });
});

t.test('only its own session takes a request back; a client that is away does not', async (t) => {
  let leased = '';
  alice.onLease = ({ task }, work) => {
    leased = task;
    setTimeout(() => work.end('late'), 400);
  };
  const other = await connect(fleet.keys.admin);
  const pending = admin.callTool({ name: 'ask_agent', arguments: { agent: 'greeter', prompt: 'a' } });
  await until(() => leased !== '');
  for (let requestId = 0; requestId < 60; requestId++)
    await other.notification({ method: 'notifications/cancelled', params: { requestId } });
  t.match((await pending).structuredContent, { answer: 'late' });
  leased = '';
  const gone = await connect(fleet.keys.admin);
  const lost = gone.callTool({ name: 'ask_agent', arguments: { agent: 'greeter', prompt: 'b' } });
  lost.catch(() => {});
  await until(() => leased !== '');
  await gone.close();
  await until(async () => {
    const { body } = await fleet.call<{ state: string }>('GET', `/v1/tasks/${leased}`);
    return body.state === 'done';
  });
  await other.close();
});

t.test('a session that ends takes back what it still asks', async () => {
  let leased = '';
  alice.onLease = ({ task }) => {
    leased = task;
  };
  const client = new Client({ name: 'test', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(at, {
    requestInit: { headers: { authorization: `Bearer ${fleet.keys.admin}` } },
  });
  await client.connect(transport as never);
  client.callTool({ name: 'ask_agent', arguments: { agent: 'greeter', prompt: 'c' } }).catch(() => {});
  await until(() => leased !== '');
  await transport.terminateSession();
  await until(async () => {
    const { body } = await fleet.call<{ state: string }>('GET', `/v1/tasks/${leased}`);
    return body.state === 'cancelled';
  });
  await client.close();
});

t.test('a change is planned, shown, and done with the digest of its plan alone', async (t) => {
  const change = {
    agents: [
      { ...spec, instructions: 'Be brief.' },
      { ...spec, name: 'helper' },
    ],
    nodes: [{ node: 'bob', cordoned: true }],
  };
  type Plan = { digest: string; steps: string[]; plan: { placed: number } };
  const plan = await call<Plan>('plan_change', change);
  t.match(plan.value, {
    steps: ['change instructions of the agent greeter (version 1)', 'create the agent helper', 'cordon bob'],
    plan: { placed: 1 },
  });
  t.equal(fleet.agent('helper'), undefined, 'nothing was done');
  t.equal((await call<Plan>('plan_change', change)).value.digest, plan.value.digest, 'the same again');
  const other = { ...change, nodes: [] };
  t.ok((await call('apply_plan', { ...other, digest: plan.value.digest })).isError, 'another change');
  const operator = await connect(fleet.keys.operator);
  const applied = await call<{ done: string[] }>('apply_plan', { ...change, digest: plan.value.digest }, operator);
  t.same(applied.value.done, plan.value.steps);
  t.equal(fleet.agent('greeter')?.spec.instructions, 'Be brief.');
  t.ok(fleet.agent('helper'));
  t.ok(fleet.coordinator.view.nodes.get('bob')?.cordoned);
  const again = await call('apply_plan', { ...change, digest: plan.value.digest }, operator);
  t.match(again, { isError: true, text: /the fleet has changed since/ });
  const audit = await fleet.call<{ action: string; actor?: string }[]>('GET', '/v1/audit');
  t.match(JSON.stringify(audit.body.slice(0, 3)), /operator/, 'in the audit, as the key that asked');
  await operator.close();
});

t.test('specs and nodes are resources, in pages; questions are prompts', async (t) => {
  const { resources } = await admin.listResources();
  t.same(
    resources.map(({ uri }) => uri),
    ['fleet://agent/greeter', 'fleet://agent/helper', 'fleet://node/alice', 'fleet://node/bob'],
  );
  const [agent] = (await admin.readResource({ uri: 'fleet://agent/greeter' })).contents as { text: string }[];
  t.match(agent?.text, /instructions: Be brief\./);
  const [node] = (await admin.readResource({ uri: 'fleet://node/alice' })).contents as { text: string }[];
  t.match(node?.text, /^# alice\n\nonline since .*## Agents\n- greeter/s);
  await t.rejects(admin.readResource({ uri: 'fleet://node/carol' }), { code: -32002, message: /"carol"/ });
  await t.rejects(admin.readResource({ uri: 'file:///etc/passwd' }), /uri: expected fleet:/);
  await t.rejects(admin.listResources({ cursor: 'x' }), /cursor: expected/);
  t.equal((await admin.listResourceTemplates()).resourceTemplates.length, 2);
  t.equal((await admin.listPrompts()).prompts.length, 4);
  const prompt = await admin.getPrompt({ name: 'may_i_switch_it_off', arguments: { node: 'alice' } });
  t.match(JSON.stringify(prompt.messages), /plan_change with nodes/);
  await t.rejects(admin.getPrompt({ name: 'may_i_switch_it_off' }), /node: expected a name, got nothing/);
  await t.rejects(admin.getPrompt({ name: 'none' }), /name: expected what_needs_me/);
  const { completion } = await admin.complete({
    ref: { type: 'ref/prompt', name: 'may_i_switch_it_off' },
    argument: { name: 'node', value: 'a' },
  });
  t.same(completion.values, ['alice']);
});

t.test('who has no key, or comes from another page, is refused at the door', async (t) => {
  const hello = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
  for (const key of [null, 'brk_0123456789_wrong']) {
    const refused = await post(hello, {}, key);
    t.equal(refused.status, 401);
    t.match(refused.headers.get('www-authenticate'), /^Bearer realm=/);
    t.match(refused.body, { jsonrpc: '2.0', error: { message: /key/ }, id: null });
  }
  await t.rejects(connect('brk_0123456789_wrong'), /key/);
  for (const method of ['POST', 'GET', 'DELETE'])
    t.match(
      await fleet.call(method, '/mcp', { headers: { origin: 'https://evil.example' } }),
      { status: 403, body: { error: { message: /origin: expected/ } } },
      method,
    );
  t.equal((await post(hello, { origin: fleet.base })).status, 200, 'its own origin is one');
  const listen = await fleet.call('GET', '/mcp', { headers: { accept: 'text/event-stream' } });
  t.equal(listen.status, 405);
  t.equal(listen.headers.get('allow'), 'POST, DELETE');
});

t.test('the four newest protocols, and what is no message of them', async (t) => {
  for (const protocolVersion of SUPPORTED_PROTOCOL_VERSIONS.slice(0, 4)) {
    const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'x', version: '1' } };
    const hello = await post({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
    t.match(hello.body.result, { protocolVersion, serverInfo: { name: 'blackroad-fleet' } });
    t.ok(hello.headers.get('mcp-session-id'));
    const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' };
    t.equal((await post(list, { 'mcp-protocol-version': protocolVersion })).status, 200);
  }
  const ping = (id: unknown) => ({ jsonrpc: '2.0', id, method: 'ping' });
  t.equal((await post(ping(1), { 'mcp-protocol-version': '1999-01-01' })).status, 400);
  t.match((await post([ping(1), ping(2)])).body, [{ id: 1 }, { id: 2 }]);
  t.match((await post([ping(1), ping(1)])).status, 400);
  t.match((await post(Array(17).fill(ping(1)))).body, { error: { message: /at most 16 messages/ } });
  t.equal((await post({ jsonrpc: '2.0', method: 'notifications/initialized' })).status, 202);
  t.equal((await post('{"jsonrpc"')).status, 400);
  t.equal((await post(ping(1), { accept: 'text/plain' })).status, 406);
  t.equal((await post(ping(1), { 'mcp-session-id': 'ü'.repeat(3) })).status, 400);
  t.equal((await post({ ...ping(1), params: { x: 'y'.repeat(1_100_000) } })).status, 413);
  const itself = [
    { jsonrpc: '2.0', id: 9, method: 'tools/call', params: { name: 'list_nodes', arguments: {} } },
    { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 9 } },
  ];
  t.equal((await post(itself, { 'mcp-session-id': 'a' })).status, 200);
});

t.test('a key has so many requests at once, and another key has its own', async (t) => {
  alice.onLease = () => {};
  const clients = await Promise.all(Array.from({ length: 2 }, () => connect(fleet.keys.operator)));
  const ask = { name: 'ask_agent', arguments: { agent: 'greeter', prompt: 'wait' } };
  const abort = new AbortController();
  const running = Array.from({ length: maxMcpRequestsPerKey }, (_, i) =>
    (clients[i % 2] as Client).callTool(ask, undefined, { signal: abort.signal }).catch(() => {}),
  );
  const refused = async () => {
    const { status, body } = await post({ jsonrpc: '2.0', id: 1, method: 'ping' }, {}, fleet.keys.operator);
    return status === 503 && /32 MCP requests that are being answered/.test(body.error?.message ?? '');
  };
  await until(refused);
  t.equal((await post({ jsonrpc: '2.0', id: 1, method: 'ping' })).status, 200, 'of another key');
  abort.abort();
  await Promise.all(running);
  await until(async () => !(await refused()));
  await Promise.all(clients.map((client) => client.close()));
});

t.test('a program that knows only an address has the key in it', async (t) => {
  const client = new Client({ name: 'test', version: '1.0.0' });
  const url = new URL(`${fleet.base}/key/${fleet.keys.viewer}/mcp`);
  await client.connect(new StreamableHTTPClientTransport(url) as never);
  t.equal((await client.listTools()).tools.length, 5);
  await client.close();
});
