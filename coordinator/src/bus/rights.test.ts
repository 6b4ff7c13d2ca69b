// The table's rights, seen from outside: whatever topic or filter is asked for, a node stays within its own rows.
import { type Role, type TopicRow, topicOf, topicRoot, topics } from '@blackroad/protocol';
import fc from 'fast-check';
import t from 'tap';
import { topicParams as params } from '../../../test/fixtures/protocol/topic-params.ts';
import { principalOfKey } from '../fleet/principals.ts';
import { mayPublish, mayRead, maySubscribe, mayWill, type Who } from './rights.ts';

const alice: Who = { as: 'node', node: 'alice' };
const key = (name: string, role: Role): Who => {
  return { as: 'people', keyId: 'k', by: principalOfKey({ id: 'k', name, role, space: 'default' }) };
};
const viewer = key('tv', 'viewer');
const operator = key('ha', 'operator');

t.test('every row has the one writer it names', async (t) => {
  for (const [name, { writer }] of Object.entries(topics)) {
    const topic = topicOf(name as keyof typeof topics, params);
    t.equal(mayPublish(alice, topic) !== null, writer === 'node', `alice on ${topic}`);
    t.equal(mayPublish({ as: 'node', node: 'bob' }, topic) !== null, false, `bob on ${topic}`);
    t.equal(mayPublish(operator, topic) !== null, writer === 'people', `operator on ${topic}`);
    t.equal(
      (topics as Record<string, TopicRow>)[name]?.needs !== undefined,
      writer === 'people',
      `${topic} names a permission`,
    );
    t.equal(mayPublish(viewer, topic), null, `viewer on ${topic}`);
    t.equal(mayWill(alice, topic) !== null, name === 'nodeState', `will on ${topic}`);
  }
});

t.test('a node reads its commands and the fleet', async (t) => {
  const yes = ['cmd/alice/+', 'cmd/alice/#', 'cmd/alice/task', 'fleet/state'];
  const no = ['#', 'cmd/#', 'cmd/+/task', 'cmd/+/+', 'cmd/bob/+', 'cmd/bob/#', 'cmd/alice', 'cmd/alice/+/x', 'fleet/#'];
  for (const filter of yes) t.ok(maySubscribe(alice, `${topicRoot}/${filter}`), filter);
  for (const filter of [...no, 'fleet/+', '+/alice/+', 'node/alice/#', 'agent/+/answer/+', 'reply/alice/+', '']) {
    t.notOk(maySubscribe(alice, `${topicRoot}/${filter}`), filter);
  }
  for (const filter of ['#', '+', '+/#', '/', '', '$SYS/#', `${topicRoot}`, `$share/x/${topicRoot}/cmd/alice/+`]) {
    t.notOk(maySubscribe(alice, filter), filter);
  }
});

t.test('people read below the root', async (t) => {
  for (const filter of ['#', `${topicRoot}/#`, `${topicRoot}/node/+/state`]) t.ok(maySubscribe(viewer, filter), filter);
  for (const filter of ['$SYS/#', '$share/a/#', 'blackroad/#', 'homeassistant/#', '+/v1/#']) {
    t.notOk(maySubscribe(viewer, filter), filter);
  }
});

t.test('Home Assistant reads below its prefix and announces itself; nobody makes devices', async (t) => {
  const prefix = 'homeassistant';
  const config = `${prefix}/device/blackroad-fleet/config`;
  for (const filter of [`${prefix}/#`, `${prefix}/device/+/config`]) {
    t.ok(maySubscribe(viewer, filter, prefix), filter);
    t.notOk(maySubscribe(alice, filter, prefix), `alice: ${filter}`);
    t.notOk(maySubscribe(viewer, filter, 'house/ha'), `another prefix: ${filter}`);
  }
  t.ok(mayPublish(viewer, `${prefix}/status`, prefix));
  t.ok(mayWill(viewer, `${prefix}/status`, prefix));
  t.notOk(mayPublish(viewer, `${prefix}/status`), 'where it is off');
  t.notOk(mayPublish(key('chat', 'client'), `${prefix}/status`, prefix));
  for (const who of [viewer, operator, alice]) t.notOk(mayPublish(who, config, prefix));
  t.notOk(mayPublish(alice, `${prefix}/status`, prefix));
});

t.test('answers to a key’s own questions are read by it alone, whatever else it may read', async (t) => {
  const client = key('app', 'client');
  for (const who of [client, viewer]) {
    for (const filter of ['response/k/+', 'response/k/#', 'response/k/7'])
      t.ok(maySubscribe(who, `${topicRoot}/${filter}`), filter);
    for (const filter of ['response/other/7', 'response/kk/+', 'response/+/7'])
      t.notOk(maySubscribe(who, `${topicRoot}/${filter}`), filter);
    t.ok(mayRead(who, `${topicRoot}/response/k/7`));
    t.notOk(mayRead(who, `${topicRoot}/response/other/7`), 'also where a wide filter matches it');
  }
  t.notOk(maySubscribe(client, `${topicRoot}/agent/+/answer/+`));
  t.notOk(mayRead(client, `${topicRoot}/agent/a/answer/7`));
});

t.test('no filter that alice may use matches a topic of bob’s', async () => {
  const level = fc.constantFrom(
    'cmd',
    'node',
    'reply',
    'fleet',
    'agent',
    'alice',
    'bob',
    'task',
    'state',
    '+',
    '#',
    '',
  );
  const filters = fc.array(level, { minLength: 1, maxLength: 6 }).map((levels) => `${topicRoot}/${levels.join('/')}`);
  const bobs = Object.keys(topics)
    .filter((name) => /\{node\}|agent\//.test(topics[name as keyof typeof topics].pattern))
    .map((name) => topicOf(name as keyof typeof topics, { ...params, node: 'bob' }));
  const matches = (filter: string, topic: string) => {
    const [wanted, levels] = [filter.split('/'), topic.split('/')];
    for (let i = 0; i < wanted.length; i++) {
      if (wanted[i] === '#') return true;
      if (i >= levels.length || (wanted[i] !== '+' && wanted[i] !== levels[i])) return false;
    }
    return wanted.length === levels.length;
  };
  fc.assert(
    fc.property(filters, (filter) => !maySubscribe(alice, filter) || !bobs.some((topic) => matches(filter, topic))),
    { numRuns: 5_000 },
  );
});
