// The tree's rows say in words how nodes and agents are.
import type { AgentView, NodeView } from '@blackroad/protocol';
import t from 'tap';
import { rowsOf } from './rows.ts';

const node = (id: string, more: object = {}) =>
  ({
    ...{ id, class: 'pi', site: 'home', status: 'active', presence: 'online', presenceReason: 'it is silent' },
    ...{ lastSeenMs: 1_000, cordoned: false, draining: false, conditions: [], agents: [], capacity: null },
    ...{ health: { cpu: 0.03, temperatureC: 51.2 }, ...more },
  }) as unknown as NodeView;
const agent = (name: string, more: object = {}) =>
  ({
    ...{ name, state: 'ready', node: 'alice', model: 'tiny', unplaced: null, spec: {}, memory: { seq: 1 } },
    ...{ tasks: { waiting: 0, running: 0 }, ...more },
  }) as unknown as AgentView;
const live = (nodes: NodeView[], agents: AgentView[]) =>
  ({ kind: 'live', seen: { nodes, agents, atMs: 1_000 } }) as const;

t.test('nodes', async (t) => {
  const weak = { code: 'undervoltage', severity: 'error', text: 'power supply too weak' };
  const [nodes] = rowsOf(
    live(
      [
        node('bob-10', { presence: 'lost' }),
        node('bob-9', { conditions: [weak] }),
        node('alice', { cordoned: true }),
        node('fred'),
      ],
      [],
    ),
    3_000,
  );
  t.equal(nodes?.words, '3 of 4 online');
  t.match(nodes?.rows, [
    { label: 'alice', words: 'online, cordoned: fine, CPU 3 %, 51 °C', tone: 'care' },
    { label: 'bob-9', words: 'online: power supply too weak', tone: 'bad' },
    { label: 'bob-10', words: 'lost: it is silent', tone: 'bad' },
    { label: 'fred', words: 'online: fine, CPU 3 %, 51 °C', tone: 'good' },
  ]);
  t.match(
    nodes?.rows[3]?.more,
    /^fred: online\npi at home, last seen 2\.0 s ago\nfine, .*\nmodels: none\nagents: none$/,
  );
});

t.test('agents', async (t) => {
  const [, agents] = rowsOf(
    live(
      [],
      [
        agent('greeter', { tasks: { waiting: 2, running: 1 } }),
        agent('lonely', { state: 'unplaced', node: null, model: null, unplaced: { text: 'no node has a model' } }),
        agent('begins', { state: 'starting', reason: 'its model is loading' }),
      ],
    ),
    0,
  );
  t.equal(agents?.words, '1 of 3 ready');
  t.match(agents?.rows, [
    { label: 'begins', words: 'starting on alice: its model is loading', tone: 'care' },
    { label: 'greeter', words: 'ready on alice, 1 running, 2 waiting', tone: 'good', kind: 'agent' },
    { label: 'lonely', words: 'unplaced: no node has a model', tone: 'bad' },
  ]);
});

t.test('away, with what was seen', async (t) => {
  const { seen } = live([node('alice')], []);
  const away = { kind: 'away', why: 'It does not answer.', isRefused: false } as const;
  const [first, nodes] = rowsOf({ ...away, seen }, 61_000);
  t.match(first, {
    label: 'It does not answer.',
    words: 'What is below was so 60 s ago. It is tried again by itself.',
  });
  t.equal(nodes?.rows.length, 1);
  t.match(rowsOf({ ...away, isRefused: true, seen: null }, 0), [{ label: 'It does not answer.', words: '' }]);
  t.same(rowsOf({ kind: 'signed-out' }, 0), []);
  t.match(rowsOf({ kind: 'asking' }, 0), [{ kind: 'note' }]);
});
