// The audit log through the API: each change by a person makes exactly one row, with the actor and the subject. The table below has every
// route that does not only read; the last test fails for a new route that is missing in it.
import {
  type AuditAction,
  type AuditEntry,
  audit,
  interpretingChecker,
  type RouteName,
  routes,
} from '@blackroad/protocol';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';

interface Call {
  route: RouteName;
  path: string;
  body?: unknown;
  /** A request that the call needs before; its row is not checked. */
  after?: () => Promise<unknown>;
  action: AuditAction;
  subject: string | RegExp;
}
/** These routes change nothing that lasts, or their row is checked in another test. */
const without: Partial<Record<RouteName, string>> = {
  whatIf: 'asks what would happen',
  mcp: 'what its tools change is in the audit by the routes that they ask: mcp.test.ts',
  mcpEnd: 'cancels what its own session asked',
  memoryErase: 'judged in proofs/erasing.test.ts, with memories',
  memoryConsolidate: 'judged in consolidation.test.ts, with memories',
  memoryRunUndo: 'judged in consolidation.test.ts, with memories',
  memoryCheckpoint: 'changes nothing that anybody has: the checkpoint itself is kept',
  rolloutPlan: 'asks what would happen',
  rolloutApprove: 'judged in rollouts.test.ts, where a wave can be waited for',
  rolloutReport: 'the start says who rolls out; its steps are events',
  ask: 'the task itself says who asked',
  tasksSubmit: 'the tasks themselves say who asked',
  conversationOpen: 'the conversation itself says whose it is',
  enrol: 'judged in enrol.test.ts, by its token',
  renew: 'a node renews by itself; what is refused is judged in enrol.test.ts',
  signIn: 'judged in sign-in.test.ts',
  signOut: 'judged in sign-in.test.ts',
  signInCode: 'judged in sign-in.test.ts',
  sessionEnd: 'judged in sign-in.test.ts',
  nodeHardwareLook: 'looks at a machine again, and changes nothing of it',
  batchEnd: 'judged in batches-seen.test.ts, with a batch',
  modelsReload: 'reads a file again, and changes nothing of the fleet',
  alertAck: 'judged in alerts.test.ts',
  alertUnack: 'judged in alerts.test.ts',
  modelCacheRemove: 'judged in test/e2e/model-cache.test.ts, with the process of the cache',
  backupCreate: 'judged in test/e2e/backup.test.ts, with files',
  backupDelete: 'judged in test/e2e/backup.test.ts, with files',
  restoreAgent: 'judged in test/e2e/restore.test.ts, after a restore',
  restoreNode: 'judged in test/e2e/restore.test.ts, after a restore',
  modelCachePrune: 'judged in test/e2e/model-cache.test.ts, with the process of the cache',
  firstBootSaid: 'is shown for a while, and changes nothing',
  installRefused: 'judged in test/install/line.test.ts, by a machine',
  upgradeStart: 'judged in test/e2e/upgrade.test.ts, with releases',
  upgradeBack: 'judged in test/e2e/upgrade.test.ts, with releases',
  releaseAdd: 'judged in releases.test.ts, with its form',
  imageAdd: 'begins; the last part is judged in images.test.ts',
  imagePart: 'judged in images.test.ts, with an image',
  imagePersonal: 'judged in images.test.ts, with an image',
  imageRemove: 'judged in images.test.ts, with an image',
  balenaImport: 'judged in test/e2e/balena.test.ts, with devices',
  documentAdd: 'judged in documents.test.ts, with a file',
  documentRemove: 'judged in documents.test.ts, with a file',
  memoryImport: 'judged in memory-files.test.ts, with a file',
  releaseRemove: 'judged in releases.test.ts, with a release',
  hookCall: 'the tasks themselves say which trigger asked',
  hookCallByHeader: 'the tasks themselves say which trigger asked',
  webhookTest: 'posts a message, and changes nothing',
  webhookEdit: 'judged in webhooks/webhooks.test.ts, with one that goes out',
  deliveriesReplay: 'judged in webhooks.test.ts, with deliveries that were given up',
};

const fleet = await openApiFleet();
t.teardown(() => fleet.close());
const alice = await fleet.node('alice');
// alice does not finish the tasks that she gets, so that they can be cancelled.
alice.onLease = () => {};
alice.onCommand = (_, command) => alice.say('reply', { command }, { command, ok: true, text: 'done', lines: [] });
const spec = { name: 'echo', model: ['auto'], instructions: 'Echo.' };
const ids: Record<string, string> = {};
const made = async (name: string, path: string, body: unknown) => {
  const answer = await fleet.call<{ id: string }>('POST', path, { body });
  ids[name] = answer.body.id;
};
/** A failed task of this agent in the store. */
const deadLetter = async (name: string) => {
  const answer = await fleet.call<{ id: string }>('POST', '/v1/agents/echo/tasks', {
    body: { prompt: `Dead ${name}`, deadlineSeconds: 1 },
  });
  ids[name] = answer.body.id;
  fleet.skip(2_000);
  for (let i = 0; i < 100; i++) {
    const { body } = await fleet.call<{ state: string }>('GET', `/v1/tasks/${ids[name]}`);
    if (body.state === 'expired') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${name} does not expire`);
};

/** Nothing of it happens by itself. */
const rollout = { what: { kind: 'node-agent', version: '9.9.9' }, driver: 'outside' };
const newest = async () => {
  const { body } = await fleet.call<{ id: string }[]>('GET', '/v1/rollouts');
  ids.rollout = body[0]?.id ?? '';
};

const calls: readonly Call[] = [
  { route: 'agentApply', path: '/v1/agents/echo', body: spec, action: 'agent-create', subject: 'echo' },
  {
    route: 'agentApply',
    path: '/v1/agents/echo',
    body: { ...spec, instructions: 'Echo loudly.' },
    action: 'agent-change',
    subject: 'echo',
  },
  { route: 'nodeEdit', path: '/v1/nodes/alice', body: { cordoned: true }, action: 'node-cordon', subject: 'alice' },
  { route: 'nodeEdit', path: '/v1/nodes/alice', body: { draining: true }, action: 'node-drain', subject: 'alice' },
  { route: 'nodeEdit', path: '/v1/nodes/alice', body: { site: 'attic' }, action: 'node-site', subject: 'alice' },
  {
    route: 'nodeEdit',
    path: '/v1/nodes/alice',
    body: { labels: { room: 'hall' } },
    action: 'node-labels',
    subject: 'alice',
  },
  {
    route: 'nodesEdit',
    path: '/v1/nodes/bulk',
    body: { nodes: ['alice', 'nobody'], cordoned: false },
    action: 'node-uncordon',
    subject: 'alice',
  },
  { route: 'nodePull', path: '/v1/nodes/alice/pull', body: { model: 'm' }, action: 'node-pull', subject: 'alice' },
  { route: 'nodeIdentify', path: '/v1/nodes/alice/identify', action: 'node-identify', subject: 'alice' },
  { route: 'nodeRestart', path: '/v1/nodes/alice/restart', action: 'node-restart', subject: 'alice' },
  {
    route: 'taskCancel',
    path: '/v1/tasks/:waiting/cancel',
    after: () => made('waiting', '/v1/agents/echo/tasks', { prompt: 'Hello?' }),
    action: 'task-cancel',
    subject: ':waiting',
  },
  {
    route: 'memoryAdd',
    path: '/v1/agents/echo/memory',
    body: { text: 'Tea at eight', kind: 'fact' },
    action: 'memory-add',
    subject: 'echo',
  },
  {
    route: 'memoryTakeBack',
    path: '/v1/agents/echo/memory/waiting/:given',
    after: () => made('given', '/v1/agents/echo/memory', { text: 'Tea at nine' }),
    action: 'memory-take-back',
    subject: 'echo',
  },
  {
    route: 'memorySet',
    path: '/v1/agents/echo/memory/values/door%20code',
    body: { text: '1234' },
    action: 'memory-set',
    subject: 'echo',
  },
  {
    route: 'memoryUnset',
    path: '/v1/agents/echo/memory/values/door%20code',
    action: 'memory-unset',
    subject: 'echo',
  },
  {
    route: 'taskRetry',
    path: '/v1/tasks/:dead/retry',
    after: () => deadLetter('dead'),
    action: 'task-retry',
    subject: ':dead',
  },
  {
    route: 'taskDismiss',
    path: '/v1/tasks/:buried/dismiss',
    after: () => deadLetter('buried'),
    action: 'task-dismiss',
    subject: ':buried',
  },
  {
    route: 'conversationEdit',
    path: '/v1/conversations/:talk',
    body: { isShared: true },
    after: () => made('talk', '/v1/conversations', { agent: 'echo' }),
    action: 'conversation-share',
    subject: ':talk',
  },
  {
    route: 'conversationEdit',
    path: '/v1/conversations/:talk',
    body: { isShared: false },
    action: 'conversation-unshare',
    subject: ':talk',
  },
  {
    route: 'conversationDelete',
    path: '/v1/conversations/:talk',
    action: 'conversation-delete',
    subject: ':talk',
  },
  { route: 'joinTokenCreate', path: '/v1/join-tokens', body: {}, action: 'token-create', subject: /^.+$/ },
  {
    route: 'joinTokenRevoke',
    path: '/v1/join-tokens/:token',
    after: () => made('token', '/v1/join-tokens', {}),
    action: 'token-revoke',
    subject: ':token',
  },
  {
    route: 'keyCreate',
    path: '/v1/keys',
    body: { name: 'phone', role: 'viewer' },
    action: 'key-create',
    subject: /^.+$/,
  },
  {
    route: 'keyRevoke',
    path: '/v1/keys/:key',
    after: () => made('key', '/v1/keys', { name: 'lost', role: 'viewer' }),
    action: 'key-revoke',
    subject: ':key',
  },
  {
    route: 'keyBudget',
    path: '/v1/keys/:guest/budget',
    body: { usd: 10 },
    after: () => made('guest', '/v1/keys', { name: 'guest', role: 'client' }),
    action: 'key-budget',
    subject: ':guest',
  },
  { route: 'keyBudgetRemove', path: '/v1/keys/:guest/budget', action: 'key-budget', subject: ':guest' },
  { route: 'nodeRelease', path: '/v1/nodes/alice/release', action: 'node-reclaim-allow', subject: 'alice' },
  {
    route: 'agentRename',
    path: '/v1/agents/echo/rename',
    body: { name: 'echo-2' },
    action: 'agent-rename',
    subject: 'echo-2',
  },
  { route: 'agentRemove', path: '/v1/agents/echo-2', action: 'agent-remove', subject: 'echo-2' },
  // The removed agent was the last that used the model, so the model may be unloaded.
  {
    route: 'nodeUnload',
    path: '/v1/nodes/alice/unload',
    body: { model: 'tiny' },
    action: 'node-unload',
    subject: 'alice',
  },
  ...(
    [
      ['modelPull', 'pull', 'node-pull'],
      ['modelStopPull', 'stop-pull', 'node-stop-pull'],
      ['modelRemove', 'remove', 'node-remove-model'],
    ] as const
  ).map(([route, path, action]): Call => {
    const body = { model: 'tiny', nodes: ['alice'] };
    return { route, path: `/v1/catalogue/${path}`, body, action, subject: 'alice' };
  }),
  {
    route: 'modelPin',
    path: '/v1/catalogue/pin',
    body: { model: 'tiny', nodes: ['alice'], pinned: true },
    action: 'model-pin',
    subject: 'tiny',
  },
  {
    route: 'modelPin',
    path: '/v1/catalogue/pin',
    body: { model: 'tiny', nodes: ['alice'], pinned: false },
    action: 'model-unpin',
    subject: 'tiny',
  },
  {
    route: 'rolloutStart',
    path: '/v1/rollouts',
    body: rollout,
    action: 'rollout-start',
    subject: /^[a-z0-9-]+$/,
  },
  ...(
    [
      ['rolloutPause', 'pause', 'rollout-pause'],
      ['rolloutResume', 'resume', 'rollout-resume'],
      ['rolloutAbort', 'abort', 'rollout-abort'],
    ] as const
  ).map(([route, act, action]): Call => {
    const path = `/v1/rollouts/:rollout/${act}`;
    return { route, path, after: newest, action, subject: ':rollout' };
  }),
  {
    route: 'rolloutBack',
    path: '/v1/rollouts/:second/roll-back',
    after: () => made('second', '/v1/rollouts', rollout),
    action: 'rollout-back',
    subject: ':second',
  },
  {
    route: 'webhookCreate',
    path: '/v1/webhooks',
    body: { direction: 'in', name: 'door' },
    action: 'webhook-create',
    subject: 'door',
  },
  { route: 'webhookRotate', path: '/v1/webhooks/door/rotate', action: 'webhook-rotate', subject: 'door' },
  { route: 'webhookPause', path: '/v1/webhooks/door/pause', action: 'webhook-pause', subject: 'door' },
  { route: 'webhookResume', path: '/v1/webhooks/door/resume', action: 'webhook-resume', subject: 'door' },
  { route: 'webhookDelete', path: '/v1/webhooks/door', action: 'webhook-delete', subject: 'door' },
  { route: 'nodeForget', path: '/v1/nodes/alice', action: 'node-forget', subject: 'alice' },
];

const rows = async () => (await fleet.call<AuditEntry[]>('GET', '/v1/audit?limit=1000')).body;
const { body: me } = await fleet.call<{ name: string }>('GET', '/v1/me');

for (const { route, path, body, after, action, subject } of calls) {
  t.test(`${route}: ${action}`, async (t) => {
    await after?.();
    const named = (text: string) => text.replace(/:([a-z]+)/, (_, name: string) => ids[name] ?? name);
    const before = (await rows()).length;
    const { status, body: answer } = await fleet.call(routes[route].method, named(path), { body });
    t.ok(status < 300, `${status} ${JSON.stringify(answer)}`);
    const all = await rows();
    t.equal(all.length - before, 1, 'one row');
    const wanted = typeof subject === 'string' ? named(subject) : subject;
    t.match(all[0], { actor: `key:${me.name}`, action, title: audit[action].title, subject: wanted });
    t.ok(interpretingChecker(audit[action].params, all[0]?.params), JSON.stringify(all[0]?.params));
  });
}

t.test('every route that changes something is in the table', async (t) => {
  const judged = new Set(calls.map(({ route }) => route));
  // What a model is asked changes nothing of the fleet.
  const asksModels = (name: RouteName) => routes[name].needs === 'models:ask';
  const missing = (Object.keys(routes) as RouteName[]).filter(
    (name) =>
      !asksModels(name) &&
      routes[name].method !== 'GET' &&
      !judged.has(name) &&
      !(name in without) &&
      name !== 'movesRelease',
  );
  t.same(missing, []);
});
