// The table of actions: every row has words and a subject, made from params that its schema accepts.
import t from 'tap';
import { Check } from 'typebox/schema';
import {
  type AuditAction,
  AuditEntry,
  type AuditParams,
  audit,
  auditActions,
  auditTitle,
  auditWords,
  isAuditAction,
} from './audit.ts';

const joined = { node: 'alice', class: 'pi', site: 'home', key: 'ab12' };
/** One sample of each action, with its subject and its words. */
const samples: { [A in AuditAction]: [params: AuditParams<A>, subject: string, text: string] } = {
  'memory-add': [{ agent: 'echo', memory: '01m', kind: 'fact' }, 'echo', 'fact'],
  'memory-set': [{ agent: 'echo', key: 'door code' }, 'echo', 'door code'],
  'memory-unset': [{ agent: 'echo', key: 'door code' }, 'echo', 'door code'],
  'memory-take-back': [{ agent: 'echo', memory: '01m' }, 'echo', ''],
  'document-add': [
    { agent: 'echo', document: '01d', name: 'manual.pdf', sha256: 'ab'.repeat(32), bytes: 7, chunks: 3 },
    'echo',
    'manual.pdf, 3 parts',
  ],
  'memory-import': [
    { agent: 'echo', document: '01d', name: 'echo.memory.jsonl', sha256: 'ab'.repeat(32), bytes: 7, chunks: 3 },
    'echo',
    'echo.memory.jsonl, 3 memories',
  ],
  'memory-export': [{ agent: 'echo', entries: 1 }, 'echo', '1 entry'],
  'document-remove': [{ agent: 'echo', document: '01d', name: 'manual.pdf' }, 'echo', 'manual.pdf'],
  'memory-consolidate': [{ agent: 'echo', run: '01r', results: 3 }, 'echo', 'run 01r, 3 results'],
  'memory-consolidate-undo': [{ agent: 'echo', run: '01r' }, 'echo', 'run 01r'],
  'node-enrol': [joined, 'alice', 'pi, site home, key ab12'],
  'node-reclaim': [joined, 'alice', 'pi, site home, key ab12'],
  'enrol-refused': [
    { hardware: 'ab12', code: 'token-expired', problem: 'it expired' },
    'ab12',
    'token-expired: it expired',
  ],
  'renew-refused': [
    { node: 'alice', code: 'key-unknown', problem: 'another key' },
    'alice',
    'key-unknown: another key',
  ],
  'node-quarantined': [{ node: 'alice', reason: 'a twin' }, 'alice', 'a twin'],
  'node-cordon': [{ node: 'alice' }, 'alice', 'takes no new agents'],
  'node-uncordon': [{ node: 'alice' }, 'alice', 'takes new agents'],
  'node-drain': [{ node: 'alice' }, 'alice', 'its agents move away'],
  'node-undrain': [{ node: 'alice' }, 'alice', 'takes work again'],
  'node-site': [{ node: 'alice', was: 'home', site: 'barn' }, 'alice', 'home -> barn'],
  'node-labels': [{ node: 'alice', was: {}, labels: { room: 'attic' } }, 'alice', '{} -> {"room":"attic"}'],
  'node-release': [{ node: 'alice', reason: 'a twin' }, 'alice', 'was: a twin'],
  'node-reclaim-allow': [{ node: 'alice' }, 'alice', 'its machine may enrol anew'],
  'node-forget': [{ node: 'alice', hardware: 'ab12' }, 'alice', 'ab12'],
  'node-pull': [{ node: 'alice', model: 'small' }, 'alice', 'small'],
  'node-unload': [{ node: 'alice', model: 'small' }, 'alice', 'small'],
  'release-add': [
    { name: 'blackroad-node', version: '1.0.0', arch: 'arm64', sha256: 'ab'.repeat(32), keyId: 'K', bytes: 7 },
    'blackroad-node 1.0.0 arm64',
    `${'ab'.repeat(32)}, signed by K`,
  ],
  'release-remove': [
    { name: 'blackroad-node', version: '1.0.0', arch: 'arm64', sha256: 'ab'.repeat(32) },
    'blackroad-node 1.0.0 arm64',
    'ab'.repeat(32),
  ],
  'image-add': [
    { name: 'blackroad-pi-image', version: '1.0.0', sha256: 'ab'.repeat(32), bytes: 7 },
    'blackroad-pi-image 1.0.0',
    `${'ab'.repeat(32)}, not signed`,
  ],
  'image-remove': [
    { name: 'blackroad-pi-image', version: '1.0.0', sha256: 'ab'.repeat(32) },
    'blackroad-pi-image 1.0.0',
    'ab'.repeat(32),
  ],
  'image-personal': [
    { name: 'blackroad-pi-image', version: '1.0.0', sha256: 'ab'.repeat(32), node: 'kitchen', token: 'tok1' },
    'blackroad-pi-image 1.0.0',
    'for kitchen, join token tok1',
  ],
  'install-refused': [
    { reason: 'older', version: '0.2.0', arch: 'arm64' },
    'blackroad-node 0.2.0 arm64',
    'it is older than what runs there',
  ],
  'release-refused': [{ reason: 'key', problem: 'another key' }, 'key', 'another key'],
  'upgrade-start': [{ version: '2.0.0', from: '1.0.0' }, 'blackroad-coordinator 2.0.0', 'it was 1.0.0'],
  'upgrade-back': [
    { version: '1.0.0', from: '2.0.0', lose: true },
    'blackroad-coordinator 1.0.0',
    'it was 2.0.0; the database of before the upgrade is taken',
  ],
  'cache-remove': [{ name: 'llama3.2:1b', bytes: 7 }, 'llama3.2:1b', '7 bytes'],
  'cache-prune': [{ bytes: 7 }, 'model cache', '7 bytes'],
  'backup-create': [{ backup: 'fleet-home' }, 'fleet-home', ''],
  'backup-fetch': [{ backup: 'fleet-home' }, 'fleet-home', 'it has the keys of the fleet'],
  'backup-delete': [{ backup: 'fleet-home' }, 'fleet-home', ''],
  'restore-agent': [{ agent: 'ada', version: 2 }, 'ada', 'version 2'],
  'restore-node': [{ node: 'alice', key: 'ab12' }, 'alice', 'key ab12'],
  'node-stop-pull': [{ node: 'alice', model: 'small' }, 'alice', 'small'],
  'node-remove-model': [{ node: 'alice', model: 'small' }, 'alice', 'small'],
  'memory-erase': [{ agent: 'lucidia', entries: 2 }, 'lucidia', '2 memories'],
  'model-pin': [{ model: 'small', node: 'alice' }, 'small', 'on alice'],
  'model-unpin': [{ model: 'small' }, 'small', 'wherever it is'],
  'node-restart': [{ node: 'alice' }, 'alice', ''],
  'node-identify': [{ node: 'alice', seconds: 10 }, 'alice', 'for 10 s'],
  'agent-create': [{ agent: 'ada', version: 1 }, 'ada', 'version 1'],
  'agent-change': [{ agent: 'ada', version: 2 }, 'ada', 'version 2'],
  'agent-rename': [{ agent: 'greeter', was: 'hello', version: 2 }, 'greeter', 'was hello, version 2'],
  'agent-remove': [{ agent: 'ada', version: 2 }, 'ada', 'was at version 2'],
  'task-cancel': [{ task: 't1', agent: 'ada', state: 'queued' }, 't1', 'ada, was queued'],
  'task-retry': [{ task: 't1', agent: 'ada', as: 't2' }, 't1', 'as t2'],
  'task-dismiss': [{ task: 't1', agent: 'ada', state: 'failed' }, 't1', 'ada, failed'],
  'conversation-share': [{ conversation: 'c1', agent: 'ada' }, 'c1', 'ada'],
  'conversation-unshare': [{ conversation: 'c1', agent: 'ada' }, 'c1', 'ada'],
  'conversation-delete': [{ conversation: 'c1', agent: 'ada' }, 'c1', 'ada'],
  'batch-cancel': [{ batch: 'batch_1', key: 'ci' }, 'batch_1', 'of ci'],
  'rollout-start': [{ rollout: 'r1', what: 'node-agent 1.2.0', subjects: 40 }, 'r1', 'node-agent 1.2.0, to 40'],
  'rollout-pause': [{ rollout: 'r1', what: 'node-agent 1.2.0' }, 'r1', 'node-agent 1.2.0'],
  'rollout-resume': [{ rollout: 'r1', what: 'node-agent 1.2.0' }, 'r1', 'node-agent 1.2.0'],
  'rollout-approve': [{ rollout: 'r1', what: 'node-agent 1.2.0', wave: 2 }, 'r1', 'node-agent 1.2.0, wave 2'],
  'rollout-abort': [{ rollout: 'r1', what: 'node-agent 1.2.0' }, 'r1', 'node-agent 1.2.0'],
  'rollout-back': [{ rollout: 'r1', what: 'node-agent 1.2.0' }, 'r1', 'node-agent 1.2.0'],
  'token-create': [{ token: 'k', uses: 1, site: 'home', seconds: 60 }, 'k', '1 use, any class, site home, 60 s'],
  'balena-import': [
    { device: '7cf02a69', fleet: 'acme/home', node: 'alice', token: 'k' },
    '7cf02a69',
    'of acme/home, as alice, join token k',
  ],
  'token-revoke': [{ token: 'k', usesLeft: 2 }, 'k', '2 uses left'],
  'key-create': [
    { key: 'k1', name: 'ci', role: 'viewer', expiresMs: 0 },
    'k1',
    'ci, viewer, until 1970-01-01T00:00:00.000Z',
  ],
  'key-revoke': [{ key: 'k1', name: 'ci', role: 'viewer' }, 'k1', 'ci, viewer'],
  'key-budget': [
    { key: 'k1', name: 'ci', was: null, budget: { usd: 10, per: 'month' } },
    'k1',
    'ci: none -> $10 a month',
  ],
  'webhook-create': [{ name: 'pager', direction: 'out', url: 'https://a.b/' }, 'pager', 'out, to https://a.b/'],
  'webhook-change': [
    { name: 'pager', url: 'https://a.b/', events: ['node-lost', 'node-online'] },
    'pager',
    'to https://a.b/; node-lost, node-online',
  ],
  'webhook-pause': [{ name: 'pager', direction: 'out' }, 'pager', 'out'],
  'webhook-resume': [{ name: 'pager', direction: 'out' }, 'pager', 'out'],
  'webhook-rotate': [{ name: 'pager' }, 'pager', ''],
  'webhook-delete': [{ name: 'doorbell', direction: 'in' }, 'doorbell', 'in'],
  'webhook-replay': [{ name: 'pager', deliveries: 2 }, 'pager', '2 deliveries'],
  'sign-in-code': [{ name: 'ada' }, 'ada', 'good once'],
  'sign-in': [{ name: 'ada', address: '10.0.0.2' }, 'ada', 'from 10.0.0.2'],
  'sign-out': [{ name: 'ada', address: '10.0.0.2' }, 'ada', 'of 10.0.0.2'],
  refused: [{ tried: 'api key', problem: 'not known' }, 'api key', 'not known'],
  'alert-ack': [{ alert: 'node-lost:vm', note: 'on it' }, 'node-lost:vm', 'on it'],
  'alert-unack': [{ alert: 'node-lost:vm' }, 'node-lost:vm', ''],
  'moves-release': [{ site: 'barn', reasons: ['a', 'b'] }, 'site barn', 'frozen because: a; b'],
  other: [{ action: 'agent-fly' }, 'agent-fly', ''],
};

t.test('each action says to what and how, from params that its schema takes', async (t) => {
  const say = <A extends AuditAction>(action: A): void => {
    const [params, subject, text] = samples[action];
    t.same(auditWords(action, params), { subject, text }, action);
    t.ok(Check(audit[action].params, params), `${action}: its params`);
    t.notOk(Check(audit[action].params, []), `${action}: nothing else`);
  };
  for (const action of auditActions) say(action);
  const refused = { hardware: 'ab12', code: 'node-quarantined', problem: 'x' };
  t.equal(auditWords('enrol-refused', { ...refused, node: 'alice' }).subject, 'alice');
  t.equal(auditWords('moves-release', { reasons: [] }).subject, 'fleet');
  t.equal(auditWords('key-create', { key: 'k1', name: 'ci', role: 'admin' }).text, 'ci, admin');
  const budget = { tokens: 5000, per: 'day' } as const;
  t.equal(
    auditWords('key-create', { key: 'k1', name: 'ci', role: 'admin', budget }).text,
    'ci, admin, 5,000 tokens a day',
  );
  t.equal(
    auditWords('key-budget', { key: 'k1', name: 'ci', was: budget, budget: null }).text,
    'ci: 5,000 tokens a day -> none',
  );
});

t.test('an entry is of an action of the table, and has its words', async (t) => {
  const entry = {
    id: 1,
    atMs: 1,
    actor: 'key:ada',
    action: 'node-cordon',
    title: '',
    subject: '',
    text: '',
    params: {},
  };
  t.ok(Check(AuditEntry, entry));
  t.notOk(Check(AuditEntry, { ...entry, action: 'node-fly' }));
  t.notOk(isAuditAction('toString'));
  t.equal(auditTitle({ action: 'node-cordon', params: {} }), 'cordoned a node');
  t.equal(auditTitle({ action: 'other', params: { action: 'node-fly' } }), 'node-fly');
  t.equal(auditTitle({ action: 'other', params: {} }), 'did what this version does not know');
});
