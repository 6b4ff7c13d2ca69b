import type { Principal } from '@blackroad/protocol';
import t from 'tap';
import { audits, code, events, SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { ada, samplePolicy, startMs } from '../../../test/fixtures/coordinator/sample-rows.ts';
import type { Inputs } from '../state/input.ts';
import { closeSession, createKey, createToken, recordAudit, revokeKey, revokeToken } from './access.ts';
import { enrol, renew } from './enrolment.ts';
import { freeName } from './node-names.ts';
import { editNode, releaseNode } from './nodes.ts';
import { principalAt } from './principals.ts';

const by = ada;
function withToken(over: Partial<Inputs['token-create']['request']> = {}): SampleFleet {
  const fleet = new SampleFleet();
  fleet.decide<'token-create'>(createToken, { by, id: 'tok', secretHash: 's', request: { uses: 2, ...over } });
  return fleet;
}
function join(fleet: SampleFleet, over: Partial<Inputs['enrol']> = {}) {
  const input: Inputs['enrol'] = {
    tokenId: 'tok',
    secretHash: 's',
    hardware: 'hw-1',
    keyFingerprint: 'key-1',
    class: 'pi',
    name: 'alice',
    simulated: false,
    suffixes: ['k3f9'],
    certificateExpiresMs: startMs + 1e9,
    ...over,
  };
  return fleet.decide<'enrol'>(enrol, input);
}
const uses = (fleet: SampleFleet) => fleet.view.tokens.get('tok')?.usesLeft;

t.test('joining', async (t) => {
  const fleet = withToken({ site: 'barn', labels: { room: 'loft' } });
  const first = join(fleet);
  t.match(first.outcome, { ok: true, value: { node: 'alice', class: 'pi', site: 'barn', reclaimed: false } });
  t.match(fleet.node('alice'), { labels: { room: 'loft' }, presence: 'never', hardware: 'hw-1', generation: 0 });
  t.equal(uses(fleet), 1);
  t.same(audits(first.changes), ['node-enrol']);

  const again = join(fleet);
  t.match(again.outcome, { ok: true, value: { node: 'alice' } }, 'asked again after a crash: the same node');
  t.equal(uses(fleet), 1, 'and no use is spent');

  t.match(join(fleet, { hardware: 'hw-2', keyFingerprint: 'key-2' }).outcome, { value: { node: 'alice-k3f9' } });
  t.equal(uses(fleet), 0);
  t.match(join(fleet, { hardware: 'hw-2', keyFingerprint: 'key-2' }).outcome, { value: { node: 'alice-k3f9' } });
  t.equal(code(join(fleet, { hardware: 'hw-3' })), 'token-used-up');
});

t.test('labels of the machine and of the token are its labels together', async (t) => {
  const fleet = withToken({ labels: { room: 'loft' } });
  join(fleet, { labels: { room: 'kitchen', camera: '' } });
  t.same(fleet.node('alice').labels, { camera: '', room: 'loft' });
  const many = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`l${i}`, '']));
  t.equal(code(join(fleet, { hardware: 'hw-2', keyFingerprint: 'key-2', labels: many })), 'invalid-request');
});

t.test('a class that the token names is fixed until another token takes the node back', async (t) => {
  const fleet = withToken({ class: 'micro' });
  t.match(join(fleet).outcome, { value: { class: 'micro', classFixed: true } });
  t.match(fleet.node('alice'), { class: 'micro', classFixed: true });
  t.match(join(fleet).outcome, { value: { class: 'micro', classFixed: true } }, 'asked again');
  const open = withToken();
  t.notOk('classFixed' in (join(open).outcome as { value: object }).value);
  t.notOk('classFixed' in open.node('alice'));
});

t.test('refusals are named, and written down', async (t) => {
  const table: [string, (fleet: SampleFleet) => Partial<Inputs['enrol']>][] = [
    ['token-unknown', () => ({ tokenId: 'other' })],
    ['token-unknown', () => ({ secretHash: 'guess' })],
    [
      'token-revoked',
      (fleet) => {
        fleet.decide<'token-revoke'>(revokeToken, { by, id: 'tok' });
        return {};
      },
    ],
    [
      'token-expired',
      (fleet) => {
        fleet.now += 3_600_001;
        return {};
      },
    ],
    ['not-allowed', () => ({ class: 'cloud' })],
  ];
  for (const [expected, prepare] of table) {
    const fleet = withToken();
    const refused = join(fleet, prepare(fleet));
    t.equal(code(refused), expected);
    t.same(audits(refused.changes), ['enrol-refused'], expected);
    t.same(events(refused.changes), ['enrol-refused'], expected);
    t.equal(fleet.view.nodes.size, 0);
  }
});

t.test("the token's class wins over the claimed one", async (t) => {
  t.match(join(withToken({ class: 'gpu' })).outcome, { value: { class: 'gpu' } });
  t.match(join(withToken({ class: 'cloud' }), { class: 'cloud' }).outcome, { value: { class: 'cloud' } });
});

t.test('a re-flashed machine takes its place back', async (t) => {
  const anew = { keyFingerprint: 'key-new', name: 'raspberrypi' };
  const fleet = withToken({ uses: 9 });
  join(fleet);
  fleet.online('alice');
  t.equal(code(join(fleet, anew)), 'reclaim-refused', 'not while it is online');
  fleet.decide<'node-edit'>(editNode, { by, node: 'alice', site: 'barn', labels: { a: 'b' } });
  fleet.will('alice');
  t.match(join(fleet, anew).outcome, { value: { node: 'alice', reclaimed: true, site: 'barn' } });
  t.match(fleet.node('alice'), { keyFingerprint: 'key-new', labels: { a: 'b' }, boot: '' });
  t.equal(uses(fleet), 7);
  t.match(fleet.will('alice').remarks, [{ reason: 'old-boot' }], 'the old installation is not heard any more');

  fleet.policy = { ...samplePolicy, reclaim: 'ask' };
  const asked = join(fleet, { keyFingerprint: 'key-3' });
  t.match(asked.outcome, { code: 'reclaim-refused', details: { detail: /release alice/ } });
  fleet.decide<'node-release'>(releaseNode, { by, node: 'alice' });
  t.match(join(fleet, { keyFingerprint: 'key-3' }).outcome, { value: { node: 'alice', reclaimed: true } });
  t.equal(code(join(fleet, { keyFingerprint: 'key-4' })), 'reclaim-refused', 'one click is one time');

  fleet.hello('alice', { hardware: 'hw-x' });
  t.equal(code(join(fleet, { keyFingerprint: 'key-5' })), 'node-quarantined');
});

t.test('a machine that a copy cannot be told from takes no node over that may be another', async (t) => {
  const fleet = withToken({ uses: 9 });
  const weak = { isWeak: true, machine: 'm-1' } as const;
  t.match(join(fleet, { ...weak, name: 'ct101' }).outcome, { value: { node: 'ct101' } });
  t.equal(fleet.node('ct101').machine, 'm-1');
  const comes = (name: string) => join(fleet, { ...weak, name, keyFingerprint: 'key-2' });
  const refusedAs = (outcome: unknown, why: RegExp) =>
    t.match(outcome, { code: 'reclaim-refused', details: { detail: why } });
  refusedAs(comes('ct102').outcome, /looks like ct101, .*by another name than ct102: made from the same image\?/);
  refusedAs(comes('ct101').outcome, /has not connected yet/);
  fleet.online('ct101');
  refusedAs(comes('ct101').outcome, /looks like ct101, which is enrolled online/);
  fleet.will('ct101');
  refusedAs(comes('ct101').outcome, /connected within the last 10 minutes/);
  fleet.now += 11 * 60_000;
  fleet.tick();
  refusedAs(comes('ct1').outcome, /by another name than ct1/);
  t.equal(fleet.node('ct101').keyFingerprint, 'key-1', 'nothing was taken');
  t.equal(uses(fleet), 8);
  t.match(comes('ct101').outcome, { value: { node: 'ct101', reclaimed: true } }, 'gone for long, and the same name');

  fleet.decide<'node-release'>(releaseNode, { by, node: 'ct101' });
  const allowed = join(fleet, { ...weak, name: '3f2a9c', keyFingerprint: 'key-3' });
  t.match(allowed.outcome, { value: { node: 'ct101', reclaimed: true } }, 'a person says that it is the same');
});

t.test('names', async (t) => {
  const fleet = new SampleFleet();
  fleet.addNode('alice');
  fleet.addNode('alice-s1');
  const table = [
    ['Octavia', 'octavia'],
    ['ALICE.local', 'alice-2'],
    ['Ada’s Pi #3', 'ada-s-pi-3'],
    ['--', 'node'],
    ['', 'node'],
    ['coordinator', 'coordinator-s1'],
    ['x'.repeat(99), 'x'.repeat(50)],
    ['räspi', 'raspi'],
    ['RA\u0308SPI-Küche', 'raspi-kuche'],
    ['Łódź', 'lodz'],
    ['straße', 'strasse'],
    ['日本', 'node'],
  ] as const;
  for (const [wanted, name] of table) t.equal(freeName(fleet.view, wanted, ['s1']), name, wanted);
});

t.test('renewal: by proof of the key on record, also long after expiry', async (t) => {
  const fleet = withToken();
  join(fleet);
  const ask = (over: Partial<Inputs['renew']> = {}) =>
    fleet.decide<'renew'>(renew, {
      node: 'alice',
      keyFingerprint: 'key-1',
      hardware: 'hw-1',
      certificateExpiresMs: startMs + 5e9,
      ...over,
    });
  fleet.now += 4e9;
  t.match(ask().outcome, { ok: true, value: { node: 'alice', certificateExpiresMs: startMs + 5e9 } });
  t.equal(fleet.node('alice').certificateExpiresMs, startMs + 5e9);
  t.equal(code(ask({ node: 'bob' })), 'no-such-node');
  t.equal(code(ask({ keyFingerprint: 'key-2' })), 'key-unknown');
  const clone = ask({ hardware: 'hw-2' });
  t.equal(code(clone), 'node-quarantined');
  t.equal(fleet.node('alice').status, 'quarantined', 'the refusal and the quarantine are one decision');
  t.match(said(clone.messages, 'farewell'), [{}]);
  fleet.addNode('wsl', { machine: 'm-1', keyFingerprint: 'key-wsl' });
  const tuesday = { node: 'wsl', keyFingerprint: 'key-wsl', hardware: 'hw-tuesday' };
  t.match(ask({ ...tuesday, machine: 'm-1' }).outcome, { ok: true }, 'another address, the same machine and key');
  t.equal(code(ask({ ...tuesday, machine: 'm-2' })), 'node-quarantined');
  t.equal(code(ask()), 'node-quarantined');
});

t.test('a renewal that proves nothing has no consequence for the node it names', async (t) => {
  const fleet = withToken();
  join(fleet);
  const copied = fleet.decide<'renew'>(renew, {
    node: 'alice',
    keyFingerprint: 'key-1',
    hardware: 'hw-invented',
    certificateExpiresMs: startMs + 5e9,
    unproven: true,
  });
  t.equal(code(copied), 'key-unknown');
  t.equal(fleet.node('alice').status, 'active');
  t.same(copied.messages, []);
});

t.test('editing a node: one audit row for each thing that changed', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  const edit = (over: Partial<Inputs['node-edit']>) =>
    fleet.decide<'node-edit'>(editNode, { by, node: 'alice', ...over });
  t.same(audits(edit({ cordoned: true, draining: true, site: 'barn', labels: { a: 'b' } }).changes), [
    'node-cordon',
    'node-drain',
    'node-site',
    'node-labels',
  ]);
  t.same(edit({ cordoned: true, site: 'barn', labels: { a: 'b' } }).changes, [], 'what is so already is no change');
  fleet.submit('t1', 'greeter');
  t.equal(fleet.task('t1')?.state, 'queued', 'a draining node takes no new work');
  t.same(audits(edit({ draining: false }).changes), ['node-undrain']);
  t.equal(fleet.task('t1')?.state, 'leased');
  t.equal(code(edit({ node: 'bob' })), 'no-such-node');
});

t.test('keys, tokens, audit', async (t) => {
  const fleet = withToken({ uses: 1, expiresSeconds: 60 });
  t.match(fleet.view.tokens.get('tok'), { usesLeft: 1, expiresMs: startMs + 60_000, site: 'home', class: null });
  t.equal(code(fleet.decide<'token-revoke'>(revokeToken, { by, id: 'nope' })), 'no-such-token');
  t.same(audits(fleet.decide<'token-revoke'>(revokeToken, { by, id: 'tok' }).changes), ['token-revoke']);
  t.same(fleet.decide<'token-revoke'>(revokeToken, { by, id: 'tok' }).changes, []);

  const row = {
    id: 'k1',
    name: 'ci',
    role: 'operator' as const,
    space: 'default',
    secretHash: 'h',
    createdMs: startMs,
    revoked: false,
  };
  t.same(audits(fleet.decide<'key-create'>(createKey, { by, row }).changes), ['key-create']);
  t.equal(code(fleet.decide<'key-create'>(createKey, { by, row: { ...row, id: 'k2' } })), 'conflict');
  t.equal(code(fleet.decide<'key-revoke'>(revokeKey, { by, id: 'k9' })), 'no-such-key');
  fleet.decide<'key-revoke'>(revokeKey, { by, id: 'k1' });
  t.equal(fleet.view.keys.get('k1')?.revoked, true);
  t.equal(
    code(fleet.decide<'key-create'>(createKey, { by, row: { ...row, id: 'k2' } })),
    'ok',
    'the name is free again',
  );
  const audit = { by, action: 'node-pull', params: { node: 'alice', model: 'small' } } as const;
  t.match(fleet.decide<'audit'>(recordAudit, audit).changes, [
    { row: { actor: 'key:ada', atMs: startMs, action: 'node-pull', subject: 'alice', params: audit.params } },
  ]);
});

t.test('a console is ended by its own key, or by who looks after the consoles of all', async (t) => {
  const fleet = new SampleFleet();
  const viewer = (kind: 'key' | 'session' | 'node', id: string | null): Principal => {
    return { kind, id, name: 'wall', space: 'default', roles: ['viewer'] };
  };
  const close = (asks: Principal, keyId: string | null = 'k-wall') => {
    const times = { createdMs: startMs, expiresMs: startMs + 60_000 };
    const row = {
      id: 's1',
      space: 'default',
      name: 'wall',
      roles: ['viewer' as const],
      keyId,
      address: '::1',
      ...times,
    };
    fleet.apply([{ type: 'session', row }]);
    const answer = code(fleet.decide<'session-close'>(closeSession, { by: asks, id: 's1' }));
    return [answer, fleet.view.sessions.has('s1')];
  };
  t.same(close(viewer('key', 'k-other')), ['no-such-session', true]);
  t.same(close(viewer('session', 'k-other')), ['no-such-session', true]);
  t.same(close(viewer('node', 'k-wall')), ['no-such-session', true], 'the id of a node is no key');
  t.same(close(principalAt('10.0.0.9'), null), ['no-such-session', true], 'no key is not the same key');
  t.same(close(viewer('key', 'k-wall')), ['ok', false]);
  t.same(close(viewer('session', null), null), ['ok', false]);
  t.same(close(ada), ['ok', false]);
});
