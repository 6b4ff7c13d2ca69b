// Rights: every route of the table refuses strangers and keys without its permission, lets keys with it in, and stands in the OpenAPI document.
import {
  mayDo,
  type Problem,
  permissions,
  type Role,
  type RouteName,
  type RouteRow,
  roles,
  roleWith,
  routes,
  type TopicRow,
  topics,
} from '@blackroad/protocol';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';

const fleet = await openApiFleet({ limits: { refusalsPerMinute: 1000 } });
t.teardown(() => fleet.close());

/** A path of the row with names that do not exist; bodies are empty where one is wanted: nothing is done, only rights are asked. */
const pathOf = (row: RouteRow) => row.path.replace(/:[a-z]+/g, 'nobody');
const bodyOf = (row: RouteRow) => (row.body ? {} : undefined);

/** Written down here, not read from the table: a route that a role may use by mistake must not pass. */
const guarded: Record<'operator' | 'admin', readonly RouteName[]> = {
  admin: [
    'audit',
    'backupContent',
    'backupCreate',
    'backupDelete',
    'backups',
    'balenaImport',
    'firstBootSaid',
    'firstBoots',
    'imagePersonal',
    'imagePersonalContent',
    'joinTokenCreate',
    'joinTokenRevoke',
    'joinTokens',
    'keyBudget',
    'keyBudgetRemove',
    'keyCreate',
    'keyRevoke',
    'keys',
    'memoryCheckpoint',
    'memoryErase',
    'nodeForget',
    'nodeRelease',
    'objects',
    'restoreAgent',
    'restoreNode',
    'signInCode',
    'upgradeBack',
    'upgradeStart',
    'webhookCreate',
    'webhookDelete',
    'webhookEdit',
    'webhookPause',
    'webhookResume',
    'webhookRotate',
    'webhookTest',
    'deliveriesReplay',
  ],
  operator: [
    'agentApply',
    'agentRemove',
    'agentRename',
    'alertAck',
    'alertUnack',
    'ask',
    'conversationDelete',
    'deliveries',
    'conversationEdit',
    'conversationOpen',
    'documentAdd',
    'documentRemove',
    'memoryAdd',
    'memoryImport',
    'memoryConsolidate',
    'memoryRunUndo',
    'memoryTakeBack',
    'memorySet',
    'memoryUnset',
    'imageAdd',
    'imagePart',
    'imageRemove',
    'modelPin',
    'modelPull',
    'modelRemove',
    'modelStopPull',
    'modelsReload',
    'movesRelease',
    'nodeEdit',
    'nodeHardwareLook',
    'nodeIdentify',
    'nodeLog',
    'modelCachePrune',
    'modelCacheRemove',
    'nodePull',
    'nodeRestart',
    'installRefused',
    'releaseAdd',
    'releaseRemove',
    'nodeUnload',
    'nodesEdit',
    'rolloutAbort',
    'rolloutApprove',
    'rolloutBack',
    'rolloutPause',
    'rolloutReport',
    'rolloutResume',
    'rolloutStart',
    'taskCancel',
    'taskDismiss',
    'taskRetry',
    'tasksSubmit',
    'webhooks',
  ],
};
/** What a client may ask for: models and agents, and itself. */
const forClients: readonly RouteName[] = [
  'anthropicCount',
  'anthropicMessages',
  'ask',
  'batch',
  'batchCancel',
  'batchCreate',
  'batchEnd',
  'batchList',
  'batchShow',
  'batches',
  'fileContent',
  'fileCreate',
  'fileDelete',
  'fileList',
  'fileShow',
  'mcp',
  'mcpEnd',
  'mcpListen',
  'me',
  'ollamaChat',
  'ollamaCopy',
  'ollamaCreate',
  'ollamaDelete',
  'ollamaEmbed',
  'ollamaEmbeddings',
  'ollamaGenerate',
  'ollamaPs',
  'ollamaPull',
  'ollamaPush',
  'ollamaShow',
  'ollamaTags',
  'ollamaVersion',
  'openaiChat',
  'openaiCompletion',
  'openaiEmbeddings',
  'openaiModel',
  'openaiModels',
  'openaiResponse',
  'ownLimits',
  'routeExplain',
  'sessionEnd',
  'sessions',
  'signOut',
  'tasksSubmit',
];
/** Of these a viewer has those about itself alone. */
const notForViewers = forClients.filter(
  (name) => !['mcp', 'mcpEnd', 'mcpListen', 'me', 'ownLimits', 'sessionEnd', 'sessions', 'signOut'].includes(name),
);
/** Without a role: each checks a secret of its own, or tells nothing of the fleet. */
const open: RouteName[] = [
  'authority',
  'enrol',
  'health',
  'hookCall',
  'hookCallByHeader',
  'imagerImage',
  'imagerList',
  'installer',
  'nodeChannel',
  'openapi',
  'renew',
  'signIn',
];
/** What a viewer may ask for with another method than GET: it changes nothing, or nothing but its own session. */
const harmless: RouteName[] = ['mcp', 'mcpEnd', 'rolloutPlan', 'sessionEnd', 'signOut', 'whatIf'];

t.test('who may what is as written down here', async (t) => {
  const names = (Object.keys(routes) as RouteName[]).sort();
  const may = (name: RouteName, role: Role) => {
    const { needs } = routes[name];
    return needs === 'open' || mayDo([role], needs);
  };
  t.same(
    names.filter((name) => routes[name].needs === 'open'),
    open,
  );
  for (const name of names) {
    const isOpen = open.includes(name);
    const least = guarded.admin.includes(name) ? 2 : [...guarded.operator, ...notForViewers].includes(name) ? 1 : 0;
    t.same(
      roles.filter((role) => may(name, role)),
      [...(isOpen || forClients.includes(name) ? ['client'] : []), ...['viewer', 'operator', 'admin'].slice(least)],
      name,
    );
  }
  const asked = names.filter((name) => routes[name].method !== 'GET' && !open.includes(name));
  t.same(
    asked.filter((name) => may(name, 'viewer')),
    harmless,
  );
});

/** An error of a dialect in the terms of our own problems. */
class Answer {
  readonly code: string;
  readonly detail: string;
  constructor(dialect: string, status: number, body: unknown) {
    const { error } = body as { error: string | { message: string; type: string } };
    this.detail = typeof error === 'string' ? error : error.message;
    this.code = { 401: 'not-signed-in', 403: 'not-allowed' }[status] ?? `${dialect} ${status}`;
  }
}

t.test('no permission is there that no route and no topic asks for', async (t) => {
  const asked = new Set<string>(
    [...Object.values(routes), ...Object.values<TopicRow>(topics)].map(({ needs }) => needs ?? 'open'),
  );
  asked.delete('open');
  t.same([...asked].sort(), Object.keys(permissions).sort());
});

for (const name of Object.keys(routes) as RouteName[]) {
  const row: RouteRow = routes[name];
  t.test(`${name}: ${row.method} ${row.path}`, async (t) => {
    const call = async (key: string | null) => {
      const { status, body } = await fleet.call<Problem>(row.method, pathOf(row), { key, body: bodyOf(row) });
      // A dialect has its own form of errors.
      const error = row.dialect && status >= 400 ? new Answer(row.dialect, status, body) : body;
      return { status, code: error?.code, detail: error?.detail };
    };
    const { needs } = row;
    if (needs === 'open') {
      t.notSame((await call(null)).code, 'not-signed-in');
      return;
    }
    t.match(await call(null), { status: 401, code: 'not-signed-in' });
    t.match(await call(`brk_0123456789_${'0'.repeat(64)}`), { status: 401, code: 'not-signed-in' });
    for (const role of roles) {
      const answer = await call(fleet.keys[role]);
      const may = mayDo([role], needs);
      if (may) t.not(answer.status, 401, role);
      t.equal(answer.code === 'not-allowed', !may, `${role}: ${answer.status} ${answer.code}`);
      if (may) continue;
      t.equal(answer.status, 403);
      const detail = `This needs the permission ${needs}, which the role ${roleWith(needs)} has; ${role} is ${role} (`;
      t.equal(answer.detail?.slice(0, detail.length), detail);
    }
  });
}

t.test('the OpenAPI document holds every route', async (t) => {
  const { body } = await fleet.call<{ openapi: string; paths: Record<string, Record<string, object>> }>(
    'GET',
    '/v1/openapi.json',
    { key: null },
  );
  t.match(body.openapi, /^3\.1/);
  for (const { method, path } of Object.values(routes)) {
    t.ok(body.paths[path.replace(/:([a-z]+)/g, '{$1}')]?.[method.toLowerCase()], `${method} ${path}`);
  }
});

t.test('health is open; metrics tell the fleet', async (t) => {
  t.match(await fleet.call('GET', '/healthz', { key: null }), { status: 200, body: { status: 'ok' } });
  const { body } = await fleet.call<string>('GET', '/metrics', { key: fleet.keys.viewer });
  for (const line of [
    'blackroad_nodes{presence="online",status="active"} 0',
    'blackroad_agents{state="ready"} 0',
    'blackroad_tasks{state="queued"} 0',
    'blackroad_bus_refused_total{reason="rights"} 2',
    'nodejs_eventloop_lag_seconds',
    'blackroad_http_seconds_count{route="/healthz",status="200"}',
  ]) {
    t.ok(body.includes(line), line);
  }
  t.match(body, /blackroad_coordinator_total\{what="input key-create"\} 4/);
});

t.test('a revoked key is out at once', async (t) => {
  const made = await fleet.call<{ id: string; key: string }>('POST', '/v1/keys', {
    body: { name: 'gone', role: 'viewer' },
  });
  t.match(made, { status: 201, body: { name: 'gone', role: 'viewer', lastUsedMs: null } });
  const { id, key } = made.body;
  t.match((await fleet.call('GET', '/v1/me', { key })).body, {
    kind: 'key',
    id,
    name: 'gone',
    space: 'default',
    roles: ['viewer'],
  });
  const keys = await fleet.call<{ id: string; lastUsedMs: number | null }[]>('GET', '/v1/keys');
  t.type(keys.body.find((row) => row.id === id)?.lastUsedMs, 'number');
  t.notMatch(JSON.stringify(keys.body), /secret/i);
  t.equal((await fleet.call('DELETE', `/v1/keys/${id}`)).status, 204);
  t.equal((await fleet.call('GET', '/v1/me', { key })).status, 401);
  t.match(await fleet.problem('DELETE', '/v1/keys/0000'), { code: 'no-such-key' });
});
