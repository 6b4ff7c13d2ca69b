// Agents through the API: people see and send names, and never the ids behind them.
import type {
  AgentView,
  AuditEntry,
  FleetEvent,
  MemoryEntry,
  MemoryHit,
  NodeView,
  TaskView,
  Usage,
} from '@blackroad/protocol';
import t from 'tap';
import { type ApiFleet, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { memoryEntries } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { until } from '../../../test/fixtures/until.ts';

const apply = (fleet: ApiFleet, name: string) =>
  fleet.call<AgentView>('PUT', `/v1/agents/${name}`, { body: { name, model: ['auto'], instructions: 'Greet.' } });
const get = async <T>(fleet: ApiFleet, path: string) => (await fleet.call<T>('GET', path)).body;

const fleet = await openApiFleet();
t.teardown(() => fleet.close());
const alice = await fleet.node('alice');
const { body: made } = await apply(fleet, 'greeter');
const asked = (await fleet.call<TaskView>('POST', '/v1/agents/greeter/tasks', { body: { prompt: 'Hello?' } })).body;

t.test('an id is made by the coordinator and is no name', async (t) => {
  t.match(made, { name: 'greeter', space: 'default', version: 1, spec: { name: 'greeter' } });
  t.match(made.id, /^[0-9a-z]{20,40}$/);
  t.match(await get(fleet, '/v1/agents'), [{ id: made.id, name: 'greeter' }]);
  t.match(await get<NodeView>(fleet, '/v1/nodes/alice'), { agents: ['greeter'] });
  t.match(await fleet.problem('GET', `/v1/agents/${made.id}`), { code: 'no-such-agent', status: 404 });
});

t.test('after a rename all that there was of it is found under the new name', async (t) => {
  await until(async () => (await get<TaskView>(fleet, `/v1/tasks/${asked.id}`)).state === 'done');
  const entries: MemoryEntry[] = memoryEntries(made.id, [{}, { text: 'The garage code is 4711.' }]);
  const { epoch } = await get<AgentView>(fleet, '/v1/agents/greeter');
  alice.say('memoryUp', { agent: made.id }, { type: 'batch', epoch, from: 1, previousHash: 'genesis', entries });
  await until(async () => (await get<AgentView>(fleet, '/v1/agents/greeter')).memory.seq === 2);
  const { status, body } = await fleet.call<AgentView>('POST', '/v1/agents/greeter/rename', { body: { name: 'host' } });
  t.match({ status, body }, { status: 200, body: { id: made.id, name: 'host', version: 2, epoch } });
  t.match(await fleet.problem('GET', '/v1/agents/greeter'), { code: 'no-such-agent' });

  t.match(await get<TaskView>(fleet, `/v1/tasks/${asked.id}`), { agent: 'host' });
  t.match(await get<TaskView[]>(fleet, '/v1/tasks?agent=host'), [{ id: asked.id, agent: 'host' }]);
  t.same(await get(fleet, '/v1/tasks?agent=greeter'), []);
  const events = await get<FleetEvent[]>(fleet, '/v1/events?agent=host');
  t.match(
    events.map(({ type }) => type),
    ['agent-renamed', 'agent-placed'],
  );
  t.match(events.at(-1), { agent: 'host', text: /^greeter goes to alice/, params: { agent: 'greeter' } });
  t.same(await get(fleet, '/v1/events?agent=greeter'), []);
  t.match(await get<MemoryEntry[]>(fleet, '/v1/agents/host/memory'), [{ agentId: made.id }, { agentId: made.id }]);
  t.match(await get<MemoryHit[]>(fleet, '/v1/memory/search?q=garage&agent=host'), [{ agent: 'host' }]);
  t.match(await get(fleet, '/v1/agents/host/memory/verify'), { agent: 'host', valid: true, entries: 2 });
  t.match(await get(fleet, '/v1/agents/host/versions'), [
    { version: 2, spec: { name: 'host' } },
    { version: 1, spec: { name: 'greeter' } },
  ]);
  t.match(await get(fleet, '/v1/agents/host/explain'), { agent: 'host', text: /^host is on alice/ });
  t.match(await get<AuditEntry[]>(fleet, '/v1/audit?limit=1'), [
    { action: 'agent-rename', subject: 'host', params: { agent: 'host', was: 'greeter', version: 2 } },
  ]);
  fleet.skip(2_000);
  await fleet.context.recorder.flush();
  const usage = await get<Usage>(fleet, '/v1/usage?by=agent');
  t.match(usage.rows, [{ key: 'host', tasks: 1 }]);
  t.match((await get<Usage>(fleet, '/v1/usage?agent=host')).total, { tasks: 1 });
  t.match((await get<Usage>(fleet, '/v1/usage?agent=greeter')).total, { tasks: 0 });
  const again = (await fleet.call<TaskView>('POST', '/v1/agents/host/tasks', { body: { prompt: 'Still you?' } })).body;
  await until(async () => (await get<TaskView>(fleet, `/v1/tasks/${again.id}`)).state === 'done');
});

t.test('over MQTT it is asked, and answers, by the name it has', async (t) => {
  const ask = (agent: string, id: string) =>
    fleet.arrive({
      topic: `blackroad/v1/agent/${agent}/ask`,
      payload: Buffer.from(JSON.stringify({ id, prompt: 'Who?' })),
      retained: false,
    });
  const answer = async (agent: string, id: string) => {
    const topic = `blackroad/v1/agent/${agent}/answer/${id}`;
    await until(async () => fleet.told.some((each) => each.topic === topic));
    return JSON.parse(fleet.told.find((each) => each.topic === topic)?.payload ?? '');
  };
  ask('host', 'one');
  t.match(await answer('host', 'one'), { agent: 'host', ok: true });
  ask('greeter', 'two');
  t.match(await answer('greeter', 'two'), { agent: 'greeter', ok: false, text: 'There is no agent greeter.' });
  ask(made.id, 'three');
  t.match(await answer(made.id, 'three'), { ok: false });
});

t.test('names that cannot be had are refused in words', async (t) => {
  await apply(fleet, 'other');
  const rename = (name: unknown) => fleet.problem('POST', '/v1/agents/host/rename', { body: { name } });
  t.match(await rename('other'), { status: 409, detail: /^body: name: there is an agent other already/ });
  t.match(await rename('No Name'), { status: 400, detail: /^body: name: expected a name of lower-case letters/ });
  t.match(await fleet.problem('POST', '/v1/agents/nobody/rename', { body: { name: 'x' } }), { status: 404 });
  const key = fleet.keys.viewer;
  t.match(await fleet.problem('POST', '/v1/agents/host/rename', { key, body: { name: 'x' } }), { status: 403 });
});

t.test('removed, it is still known by the name it had last', async (t) => {
  await fleet.call('DELETE', '/v1/agents/host');
  t.match(await get<TaskView[]>(fleet, '/v1/tasks?agent=host&limit=1'), [{ agent: 'host' }]);
  t.match(await get<MemoryEntry[]>(fleet, '/v1/agents/host/memory'), [{ seq: 1 }, { seq: 2 }]);
  t.match(await get<FleetEvent[]>(fleet, '/v1/events?agent=host&limit=1'), [{ type: 'agent-removed', agent: 'host' }]);
  t.match(
    (await apply(fleet, 'host')).body,
    { id: made.id, version: 3 },
    'and it is the same when it is applied again',
  );
});
