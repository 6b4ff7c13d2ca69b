// Events of one kind are shown as one line, e.g. those of a lost node; an event that differs from the others keeps a line of its own.
import t from 'tap';
import { groupEvents } from './event-groups.ts';
import type { FleetEvent } from './events.ts';

let id = 0;
const event = (over: Partial<FleetEvent>): FleetEvent => ({
  id: ++id,
  atMs: 1_000_000 + id * 10,
  node: null,
  agent: null,
  type: 'node-lost',
  severity: 'info',
  text: 'x',
  params: {},
  ...over,
});
const moves = (agent: string, node: string, because = 'vm is lost') =>
  event({
    agent,
    node,
    type: 'agent-moved',
    params: { agent, from: 'vm', node, model: 'sim-8b', cause: 'lost', because },
  });
const newestFirst = (events: FleetEvent[]) => [...events].sort((a, b) => b.id - a.id);

t.test('87 agents of one lost node are one line', async (t) => {
  const lost = event({ node: 'vm', text: 'vm is lost', severity: 'warning' });
  const all = Array.from({ length: 87 }, (_, i) => moves(`bot-${i}`, i % 2 === 0 ? 'pi' : 'box'));
  const [group, before, ...none] = groupEvents(newestFirst([lost, ...all]));
  t.same(none, []);
  t.match(group, { text: /^87 agents move from vm to (pi and box|box and pi): vm is lost$/, agent: null, node: null });
  t.equal(group?.agents?.length, 87);
  t.equal(group?.id, all.at(-1)?.id);
  t.equal(before, lost);
});

t.test('who is taken off, who comes for the first time, and where there are many nodes', async (t) => {
  const off = ['a', 'b', 'c', 'd'].map((agent) =>
    event({
      agent,
      node: 'vm',
      type: 'agent-unplaced',
      severity: 'warning',
      params: { agent, node: 'vm', cause: 'lost', because: 'vm is lost', nowhere: 'every node is full' },
    }),
  );
  const come = ['a', 'b', 'c', 'd', 'e'].map((agent, i) =>
    event({ agent, node: `pi-${i}`, type: 'agent-placed', params: { agent, node: `pi-${i}`, model: 'tiny' } }),
  );
  t.same(
    groupEvents(newestFirst([...off, ...come])).map(({ text }) => text),
    ['5 agents go to pi-4, pi-3 and 3 other nodes', '4 agents are taken off vm: vm is lost; every node is full'],
  );
});

t.test('few, other reasons, and long apart stay by themselves', async (t) => {
  const few = [moves('a', 'pi'), moves('b', 'pi'), moves('c', 'pi'), moves('d', 'pi', 'vm is draining')];
  t.same(groupEvents(newestFirst(few)), newestFirst(few));
  const apart = ['a', 'b', 'c', 'd'].map((agent, i) => ({ ...moves(agent, 'pi'), atMs: i * 120_000 }));
  t.equal(groupEvents(newestFirst(apart)).length, 4);
  t.same(groupEvents([]), []);
});

t.test('what is older than params stands by itself, as it reads', async (t) => {
  const old = ['a', 'b', 'c', 'd'].map((agent) =>
    event({ agent, node: 'pi', type: 'agent-moved', text: `${agent} moves from vm to pi with sim-8b: vm is lost` }),
  );
  t.same(groupEvents(newestFirst(old)), newestFirst(old));
});
