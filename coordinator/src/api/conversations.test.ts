// Conversations over HTTP: begun, continued, read back, shared by their link and deleted; a node in this process answers.
import {
  type ConversationView,
  type ConversationWhole,
  faults,
  type RouteName,
  type RouteRow,
  routes,
  type TaskLease,
  type TaskView,
} from '@blackroad/protocol';
import t from 'tap';
import { type FakeWork, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { until } from '../../../test/fixtures/processes.ts';

const fleet = await openApiFleet();
t.teardown(() => fleet.close());
const node = await fleet.node('alice');
const leases: { lease: TaskLease; work: FakeWork }[] = [];
node.onLease = (lease, work) => void leases.push({ lease, work });
await fleet.call('PUT', '/v1/agents/greeter', { body: { name: 'greeter', model: ['auto'], instructions: 'Greet.' } });

async function ok<T>(name: RouteName, path: string, options: Parameters<typeof fleet.call>[2] = {}): Promise<T> {
  const row: RouteRow = routes[name];
  const { status, body } = await fleet.call<T>(row.method, path, options);
  if (status >= 300) throw new Error(`${name}: ${status} ${JSON.stringify(body)}`);
  const wrong = row.answer ? faults(row.answer, body) : [];
  if (wrong.length > 0) throw new Error(`${name} does not answer what its row says: ${JSON.stringify(wrong)}`);
  return body;
}
const say = async (prompt: string, conversation: object, over: object = {}) => {
  const task = await ok<TaskView>('ask', '/v1/agents/greeter/tasks', { body: { prompt, conversation, ...over } });
  const found = await until('it is leased', async () => leases.find(({ lease }) => lease.task === task.id));
  return { task, ...found };
};
const ended = (id: string) =>
  until('it ends', async () => {
    const task = await ok<TaskView>('task', `/v1/tasks/${id}`);
    return task.endedMs === null ? undefined : task;
  });

t.test('a conversation', async (t) => {
  const begun = await ok<ConversationView>('conversationOpen', '/v1/conversations', { body: { agent: 'greeter' } });
  t.match(begun, { agent: 'greeter', title: '', isOwn: true, isShared: false, tasks: 0, by: { name: 'admin' } });
  const { id } = begun;
  const path = `/v1/conversations/${id}`;

  const first = await say('What is in it?', { id }, { images: ['iVBORw0KGgo='] });
  t.match(first.lease, { turns: { length: 0 }, images: ['iVBORw0KGgo='], trace: true });
  first.work.end('A dog.');
  await ended(first.task.id);
  const second = await say('Which one?', { id });
  t.match(second.lease.turns, [{ said: 'What is in it?', answered: 'A dog.' }]);
  second.work.end('A brown one.');
  t.equal((await ended(second.task.id)).turns, undefined, 'what was said before is not stored twice');

  const whole = await ok<ConversationWhole>('conversation', path);
  t.match(whole, { title: 'What is in it?', tasks: 2 });
  t.match(whole.turns, [
    { id: first.task.id, prompt: 'What is in it?', result: 'A dog.', pictures: 1, images: undefined },
    { id: second.task.id, after: first.task.id, result: 'A brown one.', pictures: 0 },
  ]);
  t.same((await ok<TaskView>('task', `/v1/tasks/${first.task.id}`)).images, ['iVBORw0KGgo=']);
  t.match(await ok<TaskView[]>('tasks', '/v1/tasks'), [{}, { images: undefined }], 'not in lists');

  const later = await ok<ConversationView>('conversationOpen', '/v1/conversations', {
    body: { agent: 'greeter', title: 'Later' },
  });
  const titles = async (query = '') =>
    (await ok<ConversationView[]>('conversations', `/v1/conversations${query}`)).map(({ title }) => title);
  t.same(await titles('?agent=greeter'), ['Later', 'What is in it?'], 'the newest first');
  t.same(await titles('?agent=nobody'), []);
  t.equal((await fleet.call('DELETE', `/v1/conversations/${later.id}`)).status, 204);
  t.same(await titles(), ['What is in it?']);
});

t.test('others read what is shared, as long as it is', async (t) => {
  const [own] = await ok<ConversationView[]>('conversations', '/v1/conversations');
  const path = `/v1/conversations/${own?.id}`;
  const key = fleet.keys.viewer;
  t.match(await fleet.problem('GET', path, { key }), { code: 'no-such-conversation' });
  await ok('conversationEdit', path, { body: { isShared: true, title: 'Our dog' } });
  t.match(await ok('conversation', path, { key }), {
    title: 'Our dog',
    isOwn: false,
    by: { name: 'admin' },
    turns: [{}, {}],
  });
  t.same(await ok('conversations', '/v1/conversations', { key }), [], 'and do not find it by themselves');
  const operator = fleet.keys.operator;
  t.match(await fleet.problem('PUT', path, { key: operator, body: { title: 'Mine' } }), {
    code: 'no-such-conversation',
  });
  t.match(await fleet.problem('DELETE', path, { key: operator }), { code: 'no-such-conversation' });
  await ok('conversationEdit', path, { body: { isShared: false } });
  t.match(await fleet.problem('GET', path, { key }), { code: 'no-such-conversation' });
});

t.test('bad input names its field', async (t) => {
  const bad = (body: object) => fleet.problem('POST', '/v1/conversations', { body });
  t.match(await bad({ agent: 'nobody' }), { code: 'no-such-agent' });
  t.match(await bad({ agent: 'greeter', title: 'two\nlines' }), { code: 'invalid-request', detail: /title/ });
  t.match(await bad({ agent: 'greeter', titel: 'x' }), { code: 'invalid-request', detail: /titel/ });
  const asked = await fleet.problem('POST', '/v1/agents/greeter/tasks', {
    body: { prompt: 'x', images: ['data:image/png;base64,AAAA'] },
  });
  t.match(asked, { code: 'invalid-request', detail: /images.*base64 without a prefix/ });
});
