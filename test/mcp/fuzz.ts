// Requests to the MCP door that no client would send: messages and arguments bent at random, from a seed. In: an address with a key, and a seed.
// Out: an exception where the coordinator does anything but answer. `make mcp-check` sends ten thousand, `make test` some hundred.
import { isDeepStrictEqual } from 'node:util';

/** mulberry32: the same seed gives the same requests. */
function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

const methods = [
  ...['tools/list', 'tools/call', 'tools/call', 'tools/call', 'resources/list', 'resources/read', 'prompts/list'],
  ...['prompts/get', 'completion/complete', 'ping', 'initialize', 'notifications/cancelled', 'logging/setLevel', ''],
  ...['resources/templates/list', 'notifications/initialized', 'tasks/get', '__proto__', 'constructor'],
];
const names = [
  'list_nodes',
  'explain_placement',
  'search_memory',
  'plan_change',
  'apply_plan',
  'recent_events',
  'ask_agent',
];
const fields = [
  ...[
    'agent',
    'node',
    'nodes',
    'agents',
    'limit',
    'after',
    'before',
    'query',
    'prompt',
    'digest',
    'uri',
    'cursor',
    'name',
  ],
  ...[
    'arguments',
    '_meta',
    'progressToken',
    'requestId',
    'ref',
    'argument',
    'value',
    '__proto__',
    'constructor',
    'task',
  ],
  ...['protocolVersion', 'capabilities', 'clientInfo', 'spec', 'model', 'instructions', 'triggers', 'draining'],
];

/** `base`: of the coordinator, without a path. */
export async function fuzz(
  { base, key }: { base: string; key: string },
  count: number,
  seed: number,
): Promise<Record<number, number>> {
  const next = chance(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const text = () =>
    pick([
      '',
      'greeter',
      'alice',
      '../../etc/passwd',
      '\u0000',
      '\ud800',
      '💥'.repeat(50),
      "'; drop table agents; --",
      'x'.repeat(5_000),
    ]);
  function value(depth: number): unknown {
    const kind = Math.floor(next() * (depth > 4 ? 6 : 8));
    if (kind === 0) return null;
    if (kind === 1) return next() < 0.5;
    if (kind === 2) return pick([0, -1, 1, 1e308, 2 ** 53, 0.5, 10]);
    if (kind < 6) return text();
    if (kind === 6) return Array.from({ length: Math.floor(next() * 4) }, () => value(depth + 1));
    return object(depth + 1);
  }
  function object(depth: number): Record<string, unknown> {
    return Object.fromEntries(Array.from({ length: Math.floor(next() * 4) }, () => [pick(fields), value(depth)]));
  }
  function message(): unknown {
    if (next() < 0.05) return value(0);
    const method = next() < 0.95 ? pick(methods) : text();
    const call = { name: next() < 0.9 ? pick(names) : text(), arguments: next() < 0.9 ? object(0) : value(0) };
    const params = method === 'tools/call' ? { ...call, ...(next() < 0.1 ? object(0) : {}) } : object(0);
    return {
      ...(next() < 0.97 ? { jsonrpc: '2.0' } : {}),
      ...(next() < 0.9 ? { id: next() < 0.9 ? Math.floor(next() * 10) : value(0) } : {}),
      method,
      ...(next() < 0.95 ? { params } : {}),
    };
  }
  const statuses: Record<number, number> = {};
  for (let i = 0; i < count; i++) {
    const body = next() < 0.95 ? message() : Array.from({ length: Math.floor(next() * 20) }, message);
    const json = JSON.stringify(body) ?? 'null';
    const sent = next() < 0.97 ? json : json.slice(0, Math.floor(next() * json.length));
    const headers = {
      accept: next() < 0.97 ? 'application/json, text/event-stream' : text().replace(/[^ -~]/g, '?'),
      ...(next() < 0.3 ? { 'mcp-session-id': pick(['a', 'b', 'x'.repeat(500)]) } : {}),
      ...(next() < 0.1 ? { 'mcp-protocol-version': pick(['2025-11-25', '1', '2024-11-05']) } : {}),
    };
    const response = await fetch(`${base}/mcp`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      body: sent,
      signal: AbortSignal.timeout(20_000),
    }).catch((cause) => {
      throw new Error(`seed ${seed}, request ${i} was not answered: ${sent.slice(0, 2_000)}`, { cause });
    });
    await response.text();
    statuses[response.status] = (statuses[response.status] ?? 0) + 1;
    if (response.status >= 500 && response.status !== 503)
      throw new Error(`seed ${seed}, request ${i} was answered ${response.status}: ${sent.slice(0, 2_000)}`);
  }
  if (isDeepStrictEqual(Object.keys(statuses), [])) throw new Error('nothing was sent');
  return statuses;
}
