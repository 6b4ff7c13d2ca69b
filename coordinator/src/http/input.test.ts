// Bad input: every error is a problem object that names the field, what came and what was expected.
import { connect } from 'node:net';
import { maxHttpBodyBytes } from '@blackroad/protocol';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';

const fleet = await openApiFleet();
t.teardown(() => fleet.close());
await fleet.node('alice');
const spec = { name: 'greeter', model: ['auto'], instructions: 'Greet.' };
await fleet.call('PUT', '/v1/agents/greeter', { body: spec });

const bad: [string, string, unknown, number, RegExp][] = [
  [
    'PUT',
    '/v1/agents/greeter',
    { ...spec, concurrency: 'two' },
    400,
    /^body: concurrency: expected integer, got "two"/,
  ],
  [
    'PUT',
    '/v1/agents/greeter',
    { ...spec, memory: { recal: 3 } },
    400,
    /^body: memory\.recal: expected no field of that name \(did you mean recall\?\), got 3/,
  ],
  [
    'PUT',
    '/v1/agents/greeter',
    { ...spec, name: 'other' },
    400,
    /^body: name: expected "greeter" as in the path, got "other"/,
  ],
  ['PUT', '/v1/agents/Greeter!', spec, 400, /^path: agent: expected a name of .*, got "Greeter!"/],
  ['PUT', '/v1/agents/greeter', undefined, 400, /^body: .*expected/],
  [
    'PUT',
    '/v1/agents/greeter',
    { ...spec, triggers: [{ cron: '99 8 * * *', prompt: 'x' }] },
    400,
    /^body: triggers\.0\.cron: expected a cron expression such as 0 8 .*minute.*, got "99 8 \* \* \*"$/,
  ],
  [
    'PUT',
    '/v1/agents/greeter',
    { ...spec, triggers: [{ cron: '0 0 30 2 *', prompt: 'x' }] },
    400,
    /^body: triggers\.0\.cron: expected a time that comes \(this one never does\), got "0 0 30 2 \*"$/,
  ],
  [
    'PUT',
    '/v1/agents/greeter',
    { ...spec, triggers: [{ cron: '0 8 * * *', prompt: 'x', timeZone: 'Europe/Berlinn' }] },
    400,
    /^body: triggers\.0\.timeZone: expected a time zone .*did you mean Europe\/Berlin.*, got "Europe\/Berlinn"$/,
  ],
  [
    'PUT',
    '/v1/agents/greeter',
    { ...spec, placement: { class: ['pi', 'pii'] } },
    400,
    /^body: placement\.class\.1: expected micro, pi, .* or cloud \(did you mean pi\?\), got "pii"$/,
  ],
  [
    'POST',
    '/v1/plan',
    { add: [{ spec: { ...spec, placement: { class: ['gpuu'] } } }] },
    400,
    /^body: add\.0\.spec\.placement\.class\.0: expected .*did you mean gpu/,
  ],
  ['POST', '/v1/join-tokens', { class: 'foo' }, 400, /^body: class: expected micro, pi, .* or cloud, got "foo"$/],
  ['PUT', '/v1/agents/greeter', '{"name": "greeter",}', 400, /The body is not JSON: .*line 1 column 20/],
  ['PUT', '/v1/agents/greeter', '[1]', 400, /^body: \(root\): expected object, got \[1\]/],
  ['PUT', '/v1/nodes/alice', {}, 400, /^body: \(root\): expected/],
  ['PUT', '/v1/nodes/alice', { labels: { Room: 'x' } }, 400, /^body: labels/],
  ['POST', '/v1/agents/greeter/tasks', { prompt: '' }, 400, /^body: prompt: expected .*, got ""/],
  [
    'POST',
    '/v1/agents/greeter/tasks',
    { prompt: 'x', deadlineSeconds: 0 },
    400,
    /^body: deadlineSeconds: expected .*, got 0/,
  ],
  ['POST', '/v1/tasks', { tasks: [] }, 400, /^body: tasks: expected .*, got \[\]/],
  ['GET', '/v1/tasks?limit=0', undefined, 400, /^query: limit: expected >= 1, got 0/],
  [
    'GET',
    '/v1/tasks?state=sleeping',
    undefined,
    400,
    /^query: state: expected "queued" or .*"expired", got "sleeping"/,
  ],
  [
    'GET',
    '/v1/events?type=agent-flew',
    undefined,
    400,
    /^query: type: expected one of \d+ values \(did you mean agent-failed\?\), got "agent-flew"$/,
  ],
  ['GET', '/v1/memory/search', undefined, 400, /^query: q: expected a value/],
  ['GET', '/v1/memory/search?q=x&kind=A%20B', undefined, 400, /^query: kind: expected .*, got "A B"/],
  ['GET', '/v1/memory/search?q=x&tag=', undefined, 400, /^query: tag: expected .*, got ""/],
  ['GET', '/v1/memory/search?q=x&sinceMs=yesterday', undefined, 400, /^query: sinceMs: expected .*, got "yesterday"/],
  [
    'GET',
    '/v1/memory/search?q=x&sinceMs=5&untilMs=5',
    undefined,
    400,
    /^query: untilMs: expected a time after sinceMs, got 5/,
  ],
  [
    'GET',
    '/v1/events?nod=alice',
    undefined,
    400,
    /^query: nod: expected no field of that name \(did you mean node\?\)/,
  ],
  [
    'POST',
    '/v1/keys',
    { name: 'x', role: 'king' },
    400,
    /^body: role: expected "client" or "viewer" or "operator" or "admin", got "king"/,
  ],
  ['GET', '/v1/nodes/alic', undefined, 404, /^There is no node "alic"; did you mean alice\?$/],
  ['GET', '/v1/agents/greter', undefined, 404, /^There is no agent "greter"; did you mean greeter\?$/],
  ['POST', '/v1/agents/greter/tasks', { prompt: 'x' }, 404, /did you mean greeter/],
  ['GET', '/v1/agents/nobody/memory', undefined, 404, /no agent "nobody"/],
  ['GET', '/v1/tasks/01abc', undefined, 404, /no task "01abc"/],
  ['POST', '/v1/tasks/01abc/retry', undefined, 404, /no task "01abc"/],
  ['GET', '/v1/nowhere', undefined, 404, /nothing at \/v1\/nowhere; \/v1\/openapi\.json/],
  ['PATCH', '/v1/nodes/alice', {}, 404, /^\/v1\/nodes\/alice does not take PATCH; expected GET or PUT or DELETE$/],
  ['GET', '/v1/console-feed', undefined, 400, /upgrade: expected websocket/],
  [
    'POST',
    '/v1/join-tokens',
    { address: 'http://x/' },
    400,
    /^body: address: expected a host name or address, got "http:\/\/x\/"/,
  ],
  ['GET', '/%zz', undefined, 400, /well-formed URL/],
];
for (const [method, path, body, status, detail] of bad) {
  t.test(`${method} ${path} ${JSON.stringify(body) ?? ''}`, async (t) => {
    t.match(await fleet.problem(method, path, { body }), { status, detail });
  });
}

t.test('a body of another kind, and one that is too large', async (t) => {
  const headers = { 'content-type': 'application/yaml' };
  t.match(await fleet.problem('PUT', '/v1/agents/greeter', { body: 'name: greeter', headers }), {
    status: 400,
    detail: 'headers: content-type: expected application/json, got application/yaml',
  });
  const body = { ...spec, instructions: 'x'.repeat(maxHttpBodyBytes) };
  t.match(await fleet.problem('PUT', '/v1/agents/greeter', { body }), {
    status: 413,
    code: 'too-large',
    detail: /^body: expected at most 1048576 bytes, got 10\d+/,
  });
});

t.test('bytes that are no HTTP are answered and cut, the server goes on', async (t) => {
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(fleet.port, '127.0.0.1', () => socket.write('\x16\x03\x01nonsense\r\n\r\n'));
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes;
    });
    socket.on('error', reject).on('close', () => resolve(text));
  });
  t.match(answer, /^HTTP\/1\.1 400/);
  t.equal((await fleet.call('GET', '/healthz')).status, 200);
});

t.test('faults of ours are not shown', async (t) => {
  fleet.coordinator.store.audit = () => Promise.reject(new Error('secret path /data/x'));
  const problem = await fleet.problem('GET', '/v1/audit');
  t.match(problem, { status: 500, code: 'internal' });
  t.notMatch(JSON.stringify(problem), /secret/);
});
