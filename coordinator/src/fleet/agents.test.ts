// The identity of an agent: its id never changes, its name may, and within a space no two agents have the same name.
import { entryFault, type MemoryEntry, type Principal } from '@blackroad/protocol';
import t from 'tap';
import { audits, code, events, paramsOf, SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { ada, boot2, sampleSpec } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { memoryEntries } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { mintAgentId } from '../api/agent-ids.ts';
import { acceptMemory } from '../memory/accept.ts';
import type { AgentRow } from '../state/rows.ts';
import { agentIdEver, agentIdOf, agentNameOf } from '../state/view.ts';
import { applyAgent, removeAgent, renameAgent } from './agents.ts';

/** Applies agents by name, with a fresh id for a new one, as the API does. */
class NamedFleet extends SampleFleet {
  #made = 0;
  named(name: string, by: Principal = ada, over = {}) {
    const newId = `id-${++this.#made}`;
    return this.decide<'agent-apply'>(applyAgent, { by, spec: sampleSpec(name, over), newId });
  }
  rename(was: string, name: string, by: Principal = ada) {
    return this.decide<'agent-rename'>(renameAgent, { by, agent: this.id(was, by.space), name });
  }
  remove(name: string) {
    return this.decide<'agent-remove'>(removeAgent, { by: ada, agent: this.id(name) });
  }
  id(name: string, space = ada.space): string {
    return agentIdOf(this.view, space, name) ?? `no ${name}`;
  }
  called(name: string): AgentRow {
    return this.agent(this.id(name));
  }
}
const other: Principal = { ...ada, space: 'workshop' };

t.test('an agent has an id of its own, and people know it by its name', async (t) => {
  const fleet = new NamedFleet();
  const made = fleet.named('greeter');
  t.match(made.outcome, { value: { id: 'id-1', version: 1, created: true } });
  t.match(fleet.agent('id-1'), { id: 'id-1', space: 'default', spec: { name: 'greeter' } });
  t.match(
    fleet.named('greeter').outcome,
    { value: { id: 'id-1', changed: false } },
    'the same, whatever id was minted',
  );
  t.match(fleet.named('greeter', ada, { priority: 1 }).outcome, { value: { id: 'id-1', version: 2, created: false } });
  fleet.online('alice');
  const moved = fleet.move(['id-1', 'alice']);
  t.match(
    moved.changes.find((change) => change.type === 'event'),
    { row: { agent: 'id-1', params: { agent: 'greeter' }, text: 'greeter goes to alice with small' } },
    'an event is kept by the id and told by the name',
  );
  t.match(said(moved.messages, 'assign')[0]?.message.put, [{ id: 'id-1', epoch: 1 }]);
  t.equal(code(fleet.decide<'agent-remove'>(removeAgent, { by: ada, agent: 'greeter' })), 'no-such-agent');
});

t.test('two spaces may each have an agent of one name; neither is the other', async (t) => {
  const fleet = new NamedFleet();
  fleet.named('alice');
  fleet.named('alice', other);
  t.not(fleet.id('alice'), fleet.id('alice', other.space));
  t.match(fleet.agent(fleet.id('alice', other.space)), { space: 'workshop', spec: { name: 'alice' } });
  for (const [space, name] of [
    ['default', 'one'],
    ['workshop', 'two'],
  ] as const) {
    const submitted = fleet.submit(name, fleet.id('alice', space), { idempotencyKey: 'same' });
    t.match(
      submitted.outcome,
      { ok: true, value: { id: name, space } },
      'and a key means something in its space alone',
    );
  }
  fleet.rename('alice', 'bob', other);
  t.equal(fleet.id('bob'), 'no bob');
  t.match(fleet.called('alice'), { space: 'default' });
});

t.test('a rename changes the name and nothing else', async (t) => {
  const fleet = new NamedFleet();
  fleet.online('alice');
  fleet.hello('alice', { agentIds: true });
  fleet.named('greeter', ada, { concurrency: 2 });
  fleet.named('near', ada, {
    placement: { class: [], site: [], labels: {}, nodes: [], avoidAgents: ['greeter', 'x'] },
  });
  fleet.named('far', ada, {
    placement: { class: [], site: [], labels: {}, nodes: [], avoidAgents: [], nearAgents: ['greeter'] },
  });
  fleet.named('stranger', other, {
    placement: { class: [], site: [], labels: {}, nodes: [], avoidAgents: ['greeter'] },
  });
  fleet.move(['id-1', 'alice']);
  fleet.ready('id-1');
  fleet.submit('t1', 'id-1');
  fleet.submit('t2', 'id-1');
  const before = fleet.agent('id-1');
  const renamed = fleet.rename('greeter', 'host');
  t.match(fleet.agent('id-1'), { version: 2, spec: { name: 'host' } });
  t.strictSame(
    { ...fleet.agent('id-1'), version: before.version, spec: before.spec },
    { ...before },
    'its epoch, its placement and all else stay',
  );
  t.equal(fleet.id('greeter'), 'no greeter');
  t.equal(fleet.id('host'), 'id-1');
  t.match(said(renamed.messages, 'assign')[0]?.message.put, [{ id: 'id-1', epoch: 1, spec: { name: 'host' } }]);
  t.same(said(renamed.messages, 'cancel'), [], 'what it works on goes on');
  t.match(
    [fleet.task('t1'), fleet.task('t2')],
    [
      { agent: 'id-1', state: 'leased' },
      { agent: 'id-1', state: 'leased' },
    ],
  );
  t.same(fleet.called('near').spec.placement.avoidAgents, ['host', 'x'], 'who names it as company names it so');
  t.same(fleet.called('far').spec.placement.nearAgents, ['host']);
  t.same(fleet.agent('id-4').spec.placement.avoidAgents, ['greeter'], 'another space speaks of another one');
  t.same(audits(renamed.changes), ['agent-rename', 'agent-change', 'agent-change']);
  t.same(paramsOf(renamed.changes, 'agent-renamed'), [{ agent: 'host', was: 'greeter' }]);
  t.same(fleet.rename('host', 'host').changes, [], 'the same name is no change');
  fleet.report('t1', 'alice', 'done', { result: 'Hi.' });
  t.match(fleet.ends.get('t1'), 1);
});

t.test('its memory goes on under the old id, and every entry of it verifies', async (t) => {
  const fleet = new NamedFleet();
  fleet.online('alice');
  fleet.named('greeter');
  fleet.move(['id-1', 'alice']);
  const log = memoryEntries('id-1', [{}, {}, {}, {}]);
  const batch = (entries: MemoryEntry[]) =>
    fleet.decide<'memory-up'>(acceptMemory, {
      node: 'alice',
      agent: 'id-1',
      message: {
        type: 'batch',
        epoch: 1,
        from: entries[0]!.seq,
        previousHash: entries[0]!.previousHash,
        entries,
      },
      stored: [],
      missing: [],
      branch: null,
    });
  t.match(said(batch(log.slice(0, 2)).messages, 'memoryDown')[0]?.message, { type: 'ack', agent: 'id-1', upto: 2 });
  fleet.rename('greeter', 'host');
  const stored = batch(log.slice(2));
  t.match(said(stored.messages, 'memoryDown')[0]?.message, { type: 'ack', upto: 4 });
  t.match(
    stored.changes.find((change) => change.type === 'memory'),
    { agent: 'id-1', space: 'default' },
  );
  t.strictSame(log.map(entryFault), [null, null, null, null]);
});

t.test('a name that is taken, or whose memory is kept, is not given to another', async (t) => {
  const fleet = new NamedFleet();
  fleet.named('greeter');
  fleet.named('echo');
  fleet.named('gone');
  fleet.remove('gone');
  t.match(fleet.rename('greeter', 'echo').outcome, { code: 'conflict', details: { detail: /an agent echo already/ } });
  t.match(fleet.rename('greeter', 'gone').outcome, { code: 'conflict', details: { detail: /apply it again/ } });
  t.equal(fleet.id('greeter'), 'id-1');
  t.equal(code(fleet.decide<'agent-rename'>(renameAgent, { by: ada, agent: 'nobody', name: 'x' })), 'no-such-agent');
});

t.test('one that was removed is the same agent when it is applied again; a free name makes a new one', async (t) => {
  const fleet = new NamedFleet();
  fleet.online('alice');
  fleet.named('greeter');
  fleet.move(['id-1', 'alice']);
  fleet.rename('greeter', 'host');
  const removed = fleet.remove('host');
  t.same(events(removed.changes), ['agent-removed']);
  t.equal(agentIdOf(fleet.view, 'default', 'host'), undefined);
  t.equal(agentIdEver(fleet.view, 'default', 'host'), 'id-1', 'its memory and its ended tasks are still found');
  t.equal(agentNameOf(fleet.view, 'id-1'), 'host');
  t.match(fleet.named('greeter').outcome, { value: { id: 'id-2', version: 1 } }, 'its first name is free');
  t.match(fleet.named('host').outcome, { value: { id: 'id-1', version: 3, created: true } });
  t.match(fleet.agent('id-1'), { epoch: 1 }, 'it goes on counting');
  t.same([...fleet.view.removedAgents], []);
  t.same([...fleet.view.removedIds], []);
});

t.test('a node-agent that is older than ids is told the id for the name, until it is of this version', async (t) => {
  const fleet = new NamedFleet();
  fleet.online('alice');
  fleet.named('greeter');
  const moved = fleet.move(['id-1', 'alice']);
  const names = (messages: typeof moved.messages) =>
    [
      ...said(messages, 'assign').flatMap(({ message }) => message.put),
      ...said(messages, 'snapshot').flatMap(({ message }) => message.agents),
    ].map(({ id, spec }) => `${id} ${spec.name}`);
  t.same(names(moved.messages), ['id-1 id-1']);
  const { generation } = fleet.node('alice');
  const updated = fleet.hello('alice', { boot: boot2, generation, agentIds: true });
  t.same(names(updated.messages), ['id-1 greeter'], 'the whole set anew, at the generation it has');
  t.same(names(fleet.hello('alice', { boot: boot2, generation, agentIds: true }).messages), []);
  t.same(names(fleet.hello('alice', { boot: boot2, generation }).messages), ['id-1 id-1'], 'and back');
});

t.test(
  'a node that came back is told nothing new before its hello says of which version it is (seed 622992)',
  async (t) => {
    const fleet = new NamedFleet();
    fleet.online('alice');
    fleet.hello('alice', { agentIds: true });
    fleet.named('greeter');
    fleet.birth('alice', boot2);
    t.same(said(fleet.move(['id-1', 'alice']).messages, 'assign'), []);
    const { messages } = fleet.hello('alice', { boot: boot2, generation: 0 });
    t.match(said(messages, 'snapshot'), [
      { message: { generation: 1, agents: [{ id: 'id-1', spec: { name: 'id-1' } }] } },
    ]);
    t.match(said(fleet.rename('greeter', 'host').messages, 'assign'), [{ message: { from: 1, to: 2 } }]);
  },
);

t.test('an id that was ever given out is not given out again', async (t) => {
  const ids = ['aaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbb', 'cccccccccccccccccccc'];
  let drawn = 0;
  const random = { next: () => 0, hex: () => ids[drawn++] as string };
  const fleet = new NamedFleet();
  const first = mintAgentId(fleet.view, 1, { ...random, hex: () => ids[0] as string });
  const second = mintAgentId(fleet.view, 1, { ...random, hex: () => ids[1] as string });
  // In older fleets the name of an agent was its id, and a person may have given this agent such a name.
  fleet.decide<'agent-apply'>(applyAgent, { by: ada, spec: sampleSpec('one'), newId: first });
  fleet.decide<'agent-apply'>(applyAgent, { by: ada, spec: sampleSpec('two'), newId: second });
  fleet.remove('two');
  const third = mintAgentId(fleet.view, 1, random);
  t.equal(drawn, 3);
  t.notOk([first, second].includes(third));
});
