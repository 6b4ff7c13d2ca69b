// Pages of other origins: the gateway's routes answer those that a person allowed, and no other route answers any.
import t, { type Test } from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { originsOf } from './other-origins.ts';

const page = 'https://chat.example:3000';
const header = (response: Response, name: string) => response.headers.get(`access-control-${name}`);
async function open(t: Test, origins: Parameters<typeof originsOf>[0]) {
  const fleet = await openApiFleet({ origins: originsOf(origins) });
  t.teardown(() => fleet.close());
  const ask = (method: string, path: string, headers: Record<string, string>, body?: object) =>
    fetch(`${fleet.base}${path}`, {
      method,
      headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  const preflight = (path: string, from: string) =>
    ask('OPTIONS', path, {
      origin: from,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,x-stainless-os',
    });
  return { fleet, ask, preflight, key: { authorization: `Bearer ${fleet.keys.client}` } };
}

t.test('what may be written as origins', async (t) => {
  t.same(originsOf(''), []);
  t.same(originsOf(' https://Chat.example:3000, moz-extension://ab-cd ,'), [page, 'moz-extension://ab-cd']);
  t.equal(originsOf('*'), 'any');
  t.throws(() => originsOf('https://a/b'), /^--origins: expected origins like .*, got "https:\/\/a\/b"/);
  t.throws(() => originsOf('chat.example'), /got "chat.example"/);
});

t.test('a page that may ask', async (t) => {
  const { ask, preflight, key } = await open(t, page);
  for (const path of [
    '/v1/chat/completions',
    '/v1/messages',
    '/api/chat',
    '/v1/models/tiny',
    '/key/brk_x.y/api/chat',
  ]) {
    const asked = await preflight(path, page);
    t.equal(asked.status, 204, path);
    t.equal(header(asked, 'allow-origin'), page);
    t.equal(header(asked, 'allow-headers'), 'authorization,content-type,x-stainless-os');
    t.equal(header(asked, 'allow-credentials'), null, 'the session of a console is never sent');
  }
  const list = await ask('GET', '/v1/models', { ...key, origin: page });
  t.equal(list.status, 200);
  t.equal(header(list, 'allow-origin'), page);
  t.match(header(list, 'expose-headers'), 'x-fleet-node');
  t.match(list.headers.get('vary') ?? '', /origin/i);
  const chat = { model: 'nobody', messages: [{ role: 'user', content: 'Hello' }] };
  const refused = await ask('POST', '/v1/chat/completions', { ...key, origin: page }, chat);
  t.equal(refused.status, 404, 'the model is asked for');
  t.equal(header(refused, 'allow-origin'), page, 'and the page can read the refusal');
  const stranger = await ask('POST', '/v1/chat/completions', { origin: page }, chat);
  t.equal(stranger.status, 401);
  t.equal(header(stranger, 'allow-origin'), page);
});

t.test('the fleet itself is not theirs, whatever key they have', async (t) => {
  const { fleet, ask, preflight } = await open(t, '*');
  const admin = { authorization: `Bearer ${fleet.keys.admin}`, origin: page };
  for (const path of ['/v1/nodes', '/v1/agents/greeter/tasks', '/v1/keys']) {
    const asked = await preflight(path, page);
    t.not(asked.status, 204, path);
    t.equal(header(asked, 'allow-origin'), null);
  }
  const nodes = await ask('GET', '/v1/nodes', admin);
  t.equal(header(nodes, 'allow-origin'), null, 'a browser hides this answer');
  const made = await ask('POST', '/v1/keys', admin, { name: 'x', role: 'admin' });
  t.equal(made.status, 403);
  t.match(await made.text(), /headers: origin/);
  t.equal(header(await ask('GET', '/v1/models', admin), 'allow-origin'), '*');
});

t.test('pages that nobody allowed', async (t) => {
  for (const origins of ['', 'https://other.example']) {
    const { ask, preflight, key } = await open(t, origins);
    const asked = await preflight('/v1/chat/completions', page);
    t.ok(asked.status >= 400, String(asked.status));
    t.equal(header(asked, 'allow-origin'), null);
    const chat = { model: 'nobody', messages: [{ role: 'user', content: 'Hello' }] };
    const refused = await ask('POST', '/v1/chat/completions', { ...key, origin: page }, chat);
    t.equal(refused.status, 403);
    t.equal(header(refused, 'allow-origin'), null);
  }
});
