// Sign-in, sessions and what a browser may be tricked into: codes work once, sessions end with their key, other origins get nothing.
import { request as rawRequest } from 'node:http';
import type { Principal, SessionView } from '@blackroad/protocol';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { codeMs, sessionMs } from './access.ts';

const fleet = await openApiFleet({ limits: { refusalsPerMinute: 20 } });
t.teardown(() => fleet.close());

const signIn = (code: string, headers = {}) =>
  fleet.call<Principal>('POST', '/v1/sign-in', { key: null, body: { code }, headers });
const makeCode = async () =>
  (await fleet.call<{ code: string; url: string; expiresMs: number }>('POST', '/v1/sign-in-codes')).body;
async function session(code?: string): Promise<string> {
  const { headers } = await signIn(code ?? (await makeCode()).code);
  return (headers.get('set-cookie') ?? '').split(';')[0] as string;
}
const own = { origin: fleet.base, 'x-blackroad': '1' };

t.test('a code signs in once', async (t) => {
  const { code, url } = await makeCode();
  t.equal(url, `${fleet.base}/#code=${code}`);
  const first = await signIn(code);
  t.match(first, { status: 200, body: { kind: 'session', name: 'admin', space: 'default', roles: ['admin'] } });
  const cookie = first.headers.get('set-cookie') ?? '';
  t.match(cookie, /^blackroad-\d+=[0-9a-f]{64}; .*HttpOnly/);
  t.match(cookie, /SameSite=Strict/);
  t.notMatch(cookie, /Secure/, 'loopback speaks plain HTTP');
  t.match(await signIn(code), { status: 401, body: { code: 'not-signed-in' } });
});

t.test('a code expires; a session too', async (t) => {
  const late = await makeCode();
  fleet.skip(codeMs + 1);
  t.equal((await signIn(late.code)).status, 401);
  const cookie = await session();
  t.equal((await fleet.call('GET', '/v1/me', { key: null, headers: { cookie } })).status, 200);
  fleet.skip(sessionMs + 1);
  t.equal((await fleet.call('GET', '/v1/me', { key: null, headers: { cookie } })).status, 401);
});

t.test('an API key signs in with its own role; revoking it ends the session', async (t) => {
  const { body } = await fleet.call<{ id: string; key: string }>('POST', '/v1/keys', {
    body: { name: 'wall', role: 'viewer' },
  });
  const cookie = await session(body.key);
  const headers = { cookie, ...own };
  t.match((await fleet.call('GET', '/v1/me', { key: null, headers })).body, { name: 'wall', roles: ['viewer'] });
  t.equal((await fleet.call('POST', '/v1/fleet/release-moves', { key: null, headers })).status, 403);
  await fleet.call('DELETE', `/v1/keys/${body.id}`);
  t.equal((await fleet.call('GET', '/v1/me', { key: null, headers })).status, 401);
});

t.test('a session outlives a restart of the coordinator, its end too', async (t) => {
  const dir = t.testdir({});
  const open = () => openApiFleet({ path: `${dir}/fleet.sqlite` });
  const first = await open();
  // The cookie's name carries the port: a restarted coordinator has the same one, a test does not.
  const token = async (fleet: typeof first) => {
    const answer = await fleet.call('POST', '/v1/sign-in', { key: null, body: { code: fleet.keys.viewer } });
    return /=([0-9a-f]{64})/.exec(answer.headers.get('set-cookie') ?? '')?.[1] as string;
  };
  const whoAmI = async (fleet: typeof first, session: string) => {
    const headers = { cookie: `blackroad-${fleet.port}=${session}`, origin: fleet.base, 'x-blackroad': '1' };
    return { ...(await fleet.call<Principal>('GET', '/v1/me', { key: null, headers })), headers };
  };
  const kept = await token(first);
  const ended = await token(first);
  const { headers: cookie } = await whoAmI(first, ended);
  await first.call('POST', '/v1/sign-out', { key: null, headers: cookie });
  await first.close();

  const second = await open();
  t.match(await whoAmI(second, kept), { status: 200, body: { roles: ['viewer'] } });
  t.equal((await whoAmI(second, ended)).status, 401);
  const listed = await second.call<SessionView[]>('GET', '/v1/sessions');
  t.match(listed.body, [{ roles: ['viewer'], address: '127.0.0.1', current: false }]);
  t.notOk(JSON.stringify(listed.body).includes(kept));
  t.match(await second.problem('DELETE', '/v1/sessions/nobody'), { code: 'no-such-session' });
  t.equal((await second.call('DELETE', `/v1/sessions/${listed.body[0]?.id}`)).status, 204);
  t.equal((await whoAmI(second, kept)).status, 401);
  await second.close();
});

t.test('sessions: one sees and ends those of its own key, an admin all', async (t) => {
  const cookie = await session(fleet.keys.viewer);
  const mine = { key: null, headers: { cookie, ...own } };
  await session(fleet.keys.operator);
  const seen = await fleet.call<{ id: string; name: string; current: boolean }[]>('GET', '/v1/sessions', mine);
  t.ok(seen.body.every(({ name }) => name === 'viewer'));
  t.equal(seen.body.filter(({ current }) => current).length, 1);
  const all = await fleet.call<{ id: string; name: string }[]>('GET', '/v1/sessions');
  const other = all.body.find(({ name }) => name === 'operator');
  t.match(await fleet.problem('DELETE', `/v1/sessions/${other?.id}`, mine), { code: 'no-such-session' });
  t.equal((await fleet.call('DELETE', `/v1/sessions/${other?.id}`)).status, 204);
  const self = seen.body.find(({ current }) => current);
  t.equal((await fleet.call('DELETE', `/v1/sessions/${self?.id}`, mine)).status, 204);
  t.equal((await fleet.call('GET', '/v1/me', mine)).status, 401);
});

t.test('what a page may load and run', async (t) => {
  const { headers } = await fleet.call('GET', '/healthz');
  const policy = headers.get('content-security-policy') ?? '';
  for (const part of [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
  ])
    t.ok(policy.includes(part), part);
  t.notMatch(policy, /unsafe/);
});

t.test('signing out ends the session', async (t) => {
  const headers = { cookie: await session(), ...own };
  t.equal((await fleet.call('POST', '/v1/sign-out', { key: null, headers })).status, 204);
  t.equal((await fleet.call('GET', '/v1/me', { key: null, headers })).status, 401);
});

t.test('CSRF: a session changes things from our own page alone', async (t) => {
  const cookie = await session();
  const change = async (headers: Record<string, string>) =>
    (
      await fleet.call<{ code: string }>('POST', '/v1/fleet/release-moves', {
        key: null,
        headers: { cookie, ...headers },
      })
    ).status;
  t.equal(await change(own), 204);
  t.equal(await change({ origin: fleet.base }), 403, 'without our header');
  t.equal(await change({ 'x-blackroad': '1' }), 403, 'without an origin');
  t.equal(await change({ ...own, origin: 'https://evil.example' }), 403, 'from another origin');
  t.equal(await change({ ...own, origin: 'null' }), 403, 'from a sandboxed frame');
  t.equal((await signIn((await makeCode()).code, { origin: 'https://evil.example' })).status, 403, 'login CSRF');
  const form = { method: 'POST', body: 'code=x', headers: { 'content-type': 'text/plain' } };
  t.equal((await fetch(`${fleet.base}/v1/sign-in`, form)).status, 400, 'a form of another site cannot speak JSON');
});

t.test('DNS rebinding: the loopback listener answers to its own names alone', async (t) => {
  const asHost = (host: string) =>
    new Promise<number>((resolve, reject) => {
      const call = rawRequest(
        { host: '127.0.0.1', port: fleet.port, path: '/healthz', headers: { host } },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        },
      );
      call.on('error', reject).end();
    });
  for (const host of ['localhost', `127.0.0.1:${fleet.port}`, '[::1]:80', 'fleet.example'])
    t.equal(await asHost(host), 200, host);
  for (const host of ['evil.example', `evil.example:${fleet.port}`, '127.0.0.1.evil.example'])
    t.equal(await asHost(host), 403, host);
});

t.test('refused sign-ins are in the audit log, and too many of an address are stopped', async (t) => {
  fleet.skip(61_000);
  const { code } = await makeCode();
  const { body: audit } = await fleet.call<{ actor: string; action: string; subject: string }[]>('GET', '/v1/audit');
  t.ok(
    audit.some(
      ({ actor, action, subject }) => actor === 'address:127.0.0.1' && action === 'refused' && subject === 'sign-in',
    ),
  );
  t.ok(audit.some(({ actor, action }) => actor === 'key:admin' && action === 'sign-in'));
  let refused = { status: 401, headers: new Headers() };
  for (let i = 0; i < 25 && refused.status === 401; i++) refused = await signIn('brc_wrong');
  t.equal(refused.status, 429);
  t.match(refused.headers.get('retry-after'), /^\d+$/);
  t.equal((await signIn(code)).status, 429, 'also a right code, until the minute is over');
  t.equal((await fleet.call('GET', '/v1/me')).status, 200, 'a good key goes on working');
  t.equal((await fleet.call('GET', '/v1/me', { key: 'brk_x_y' })).status, 429);
  fleet.skip(61_000);
  t.equal((await signIn(code)).status, 200);
});

t.test('requests of a key are limited by the minute, each key by itself', async (t) => {
  const small = await openApiFleet({ limits: { requestsPerMinute: 3 } });
  t.teardown(() => small.close());
  for (let i = 0; i < 3; i++) t.equal((await small.call('GET', '/v1/me')).status, 200);
  const { status, headers, body } = await small.call('GET', '/v1/me');
  t.match(
    { status, body },
    { status: 429, body: { code: 'rate-limited', detail: 'More than 3 requests in a minute.' } },
  );
  t.match(headers.get('retry-after'), /^\d+$/);
  t.equal((await small.call('GET', '/v1/me', { key: small.keys.viewer })).status, 200);
});
