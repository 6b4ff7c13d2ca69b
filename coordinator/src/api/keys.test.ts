// API keys for their owner: the last admin key cannot be removed, the time of the last use survives a restart, and a sign-in code contains
// an address that another device can reach.
import { coordinatorSelf, type KeyView } from '@blackroad/protocol';
import t from 'tap';
import { type ApiFleet, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { networkUrl } from '../http/reach.ts';

const keysOf = async (fleet: ApiFleet) => (await fleet.call<KeyView[]>('GET', '/v1/keys')).body;
const idOf = async (fleet: ApiFleet, name: string) =>
  (await keysOf(fleet)).find((key) => key.name === name && !key.revoked)?.id as string;
const revoke = (id: string) => ['DELETE', `/v1/keys/${id}`] as const;

t.test('the last admin key cannot be revoked; with another one it can', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const first = await idOf(fleet, 'admin');
  t.same(
    (await keysOf(fleet)).filter(({ isLastAdmin }) => isLastAdmin).map(({ name }) => name),
    ['admin'],
  );
  t.match(await fleet.problem(...revoke(first)), {
    code: 'conflict',
    detail: /^admin is the last key with the role admin: .*Make a new key with the role admin first/,
  });
  t.equal((await fleet.call('GET', '/v1/me')).status, 200, 'it goes on working');
  t.equal((await fleet.call(...revoke(await idOf(fleet, 'viewer')))).status, 204, 'others are revoked as ever');
  const { body } = await fleet.call<{ key: string }>('POST', '/v1/keys', { body: { name: 'second', role: 'admin' } });
  t.ok((await keysOf(fleet)).every(({ isLastAdmin }) => !isLastAdmin));
  t.equal((await fleet.call(...revoke(first))).status, 204);
  const { status } = await fleet.call(...revoke(await secondId()), { key: body.key });
  t.equal(status, 409, 'now that one is the last');
  t.match(await fleet.problem('GET', '/v1/me'), {
    code: 'not-signed-in',
    detail: 'This API key is not known here, or it was revoked.',
  });
  async function secondId() {
    const all = await fleet.call<KeyView[]>('GET', '/v1/keys', { key: body.key });
    return all.body.find(({ name }) => name === 'second')?.id as string;
  }
});

t.test('when a key was last used is written down, once a minute at most, and outlives a restart', async (t) => {
  const path = `${t.testdir({})}/fleet.sqlite`;
  const fleet = await openApiFleet({ path });
  const { body } = await fleet.call<KeyView & { key: string }>('POST', '/v1/keys', {
    body: { name: 'wall', role: 'viewer' },
  });
  t.equal(body.lastUsedMs, null);
  const stored = () => fleet.coordinator.view.keys.get(body.id)?.lastUsedMs;
  const use = async () => {
    await fleet.call('GET', '/v1/me', { key: body.key });
    // This decision comes after all earlier ones, so they are committed when it is.
    await fleet.coordinator.submit('audit', { by: coordinatorSelf, action: 'other', params: { action: 'sync' } });
  };
  const shown = async () => (await keysOf(fleet)).find(({ id }) => id === body.id)?.lastUsedMs as number;
  t.equal(stored(), undefined);
  await use();
  const first = stored() as number;
  t.type(first, 'number');
  fleet.skip(20_000);
  await use();
  t.equal(stored(), first, 'not again within a minute');
  t.ok((await shown()) >= first + 20_000, 'and yet it is told as it is');
  fleet.skip(50_000);
  const { headers } = await fleet.call('POST', '/v1/sign-in', { key: null, body: { code: body.key } });
  await fleet.coordinator.submit('audit', { by: coordinatorSelf, action: 'other', params: { action: 'sync' } });
  const second = stored() as number;
  t.ok(second >= first + 70_000);
  fleet.skip(3_600_000);
  const cookie = (headers.get('set-cookie') ?? '').split(';')[0] as string;
  t.equal((await fleet.call('GET', '/v1/me', { key: null, headers: { cookie } })).status, 200);
  t.ok((await shown()) >= second + 3_600_000, 'a console that is signed in with it uses it');
  await fleet.coordinator.submit('audit', { by: coordinatorSelf, action: 'other', params: { action: 'sync' } });
  const last = stored();
  await fleet.close();

  const again = await openApiFleet({ path });
  t.teardown(() => again.close());
  t.equal((await keysOf(again)).find(({ id }) => id === body.id)?.lastUsedMs, last);
});

t.test('a sign-in code for another device: an address that it reaches, or none', async (t) => {
  const settings = (boundTo: string, publicHost = '', port: number | null = 8401) =>
    ({ settings: { boundTo, publicHost, tlsPort: () => port } }) as never;
  const at = (host: string) => ({ host });
  const lan = () => '192.168.1.20';
  const here = () => '127.0.0.1';
  t.equal(networkUrl(settings('0.0.0.0'), at('127.0.0.1:8400'), 'loopback', lan), 'https://192.168.1.20:8401');
  t.equal(networkUrl(settings('::'), at('localhost:8400'), 'loopback', lan), 'https://192.168.1.20:8401');
  t.equal(networkUrl(settings('0.0.0.0', 'fleet.lan'), at('localhost'), 'loopback', lan), 'https://fleet.lan:8401');
  t.equal(networkUrl(settings('10.0.0.5'), at('localhost'), 'loopback', lan), 'https://10.0.0.5:8401');
  t.equal(networkUrl(settings('fd00::5'), at('localhost'), 'loopback', lan), 'https://[fd00::5]:8401');
  t.equal(networkUrl(settings('0.0.0.0'), at('fleet.home:8401'), 'tls', lan), 'https://fleet.home:8401', 'as one came');
  t.equal(networkUrl(settings('127.0.0.1'), at('localhost'), 'loopback', lan), null);
  t.equal(networkUrl(settings('127.0.0.1', 'fleet.lan'), at('localhost'), 'loopback', lan), null);
  t.equal(networkUrl(settings('0.0.0.0'), at('localhost'), 'loopback', here), null, 'no network');
  t.equal(networkUrl(settings('0.0.0.0', '', null), at('localhost'), 'loopback', lan), null);

  const fleet = await openApiFleet({ boundTo: '0.0.0.0', publicHost: 'fleet.lan' });
  t.teardown(() => fleet.close());
  const { body } = await fleet.call<{ code: string; url: string; networkUrl: string }>('POST', '/v1/sign-in-codes');
  t.equal(body.url, `${fleet.base}/#code=${body.code}`);
  t.equal(body.networkUrl, `https://fleet.lan:${fleet.tlsPort}/#code=${body.code}`);
});

t.test('a key with an end is good until then, and so are its sessions; its name is free again', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const order = { name: 'guest', role: 'admin', expiresSeconds: 3600 };
  const { status, body } = await fleet.call<KeyView & { key: string }>('POST', '/v1/keys', { body: order });
  t.equal(status, 201);
  t.equal(body.expiresMs, body.createdMs + 3_600_000);
  t.equal((await fleet.call('GET', '/v1/me', { key: body.key })).status, 200);
  const signIn = await fleet.call('POST', '/v1/sign-in', { key: null, body: { code: body.key } });
  const cookie = signIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  const me = () => fleet.call('GET', '/v1/me', { key: null, headers: { cookie } });
  t.equal((await me()).status, 200);
  const first = (await keysOf(fleet)).find(({ name }) => name === 'admin');
  t.equal(first?.isLastAdmin, true, 'a key that ends does not stand in for one that does not');
  fleet.skip(3_600_001);
  t.equal((await fleet.call('GET', '/v1/me', { key: body.key })).status, 401);
  t.equal((await me()).status, 401);
  t.equal((await fleet.call('POST', '/v1/sign-in', { key: null, body: { code: body.key } })).status, 401);
  t.equal((await fleet.call('POST', '/v1/keys', { body: { name: 'guest', role: 'viewer' } })).status, 201);
  t.match(await fleet.problem('POST', '/v1/keys', { body: { name: 'x', role: 'viewer', expiresSeconds: 1 } }), {
    detail: /expiresSeconds: expected >= 60, got 1/,
  });
});
