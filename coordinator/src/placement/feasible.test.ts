import { maxAgentsPerNode } from '@blackroad/protocol';
import t from 'tap';
import {
  agentsPerNode,
  allRefusals,
  avoidAgents,
  type Candidate,
  classRule,
  firstRefusal,
  labels,
  memory,
  model,
  named,
  site,
} from './feasible.ts';
import { GiB, modelOf, nodeOf, specOf, stayingOf } from './fixture.ts';
import { kvBytesPerToken, openRoom, useOf } from './room.ts';
import type { SupplyNode } from './supply.ts';

type Given = Parameters<typeof specOf>[1];
function candidate(spec: Given, node: Partial<SupplyNode> = {}, conflicts: [string, string][] = []): Candidate {
  const whole = specOf('ada', spec);
  return { spec: whole, use: useOf(whole), room: openRoom(nodeOf('alice', node)), conflicts: new Map(conflicts) };
}

t.test('class: an empty list is any but cloud', async (t) => {
  t.equal(classRule.refuses(candidate({})), null);
  t.match(classRule.refuses(candidate({}, { class: 'cloud' })), /must be named/);
  t.equal(classRule.refuses(candidate({ placement: { class: ['cloud'] } }, { class: 'cloud' })), null);
  t.equal(classRule.refuses(candidate({ placement: { class: ['gpu'] } })), 'class pi is not gpu');
});
t.test('site, labels, named nodes', async (t) => {
  t.equal(site.refuses(candidate({ placement: { site: ['home'] } })), null);
  t.equal(site.refuses(candidate({ placement: { site: ['attic'] } })), 'site home is not attic');
  const wants = { placement: { labels: { room: 'kitchen' } } };
  t.equal(labels.refuses(candidate(wants, { labels: { room: 'kitchen', x: 'y' } })), null);
  t.equal(labels.refuses(candidate(wants)), 'no label room=kitchen');
  t.equal(labels.refuses(candidate(wants, { labels: { room: 'bath' } })), 'label room is bath, not kitchen');
  t.equal(named.refuses(candidate({ placement: { nodes: ['alice'] } })), null);
  t.equal(named.refuses(candidate({ placement: { nodes: ['aria', 'codex'] } })), 'only aria or codex will do');
});
t.test('model: names, aliases, auto, and never an embedding model', async (t) => {
  const models = [modelOf('llama3.2:1b', { aliases: ['small'] }), modelOf('minilm', { kind: 'embed' })];
  t.equal(model.refuses(candidate({ model: ['llama3.2:1b'] }, { models })), null);
  t.equal(model.refuses(candidate({ model: ['nope', 'small'] }, { models })), null);
  t.equal(model.refuses(candidate({ model: ['auto'] }, { models })), null);
  t.equal(model.refuses(candidate({ model: ['minilm'] }, { models })), 'it has no model named minilm');
  t.equal(model.refuses(candidate({ model: ['auto'] }, { models, defaultChat: null })), 'it has no chat model');
});
t.test('memory: a loaded model costs context alone, one on disk its weights too', async (t) => {
  const big = (given = {}) => [modelOf('big', { sizeBytes: 5 * GiB, parametersB: 8, ...given })];
  const tight = { memoryTotalBytes: 8 * GiB, memoryFreeBytes: GiB };
  t.match(memory.refuses(candidate({ model: ['big'] }, { ...tight, models: big() })), /big would take 5\.\d GiB more/);
  t.equal(memory.refuses(candidate({ model: ['big'] }, { ...tight, models: big({ resident: true }) })), null);
  const wide = { model: ['big'], limits: { contextTokens: 8192 }, concurrency: 2 };
  t.match(
    memory.refuses(candidate(wide, { ...tight, models: big({ resident: true, slots: 2 }) })),
    /2\.0 GiB more, 1\.0 GiB/,
  );
  const heldFor = big({ resident: true, slots: 2, residentBytes: 7 * GiB });
  t.equal(
    memory.refuses(candidate(wide, { ...tight, models: heldFor })),
    null,
    'context the runtime holds is used first',
  );
});
t.test('memory: a thousand agents on two slots hold two contexts', async (t) => {
  const agents = Array.from({ length: 1000 }, (_, i) => stayingOf(`a${i}`, 'm'));
  const models = [modelOf('m', { resident: true, slots: 2, parametersB: 8 })];
  t.equal(memory.refuses(candidate({ model: ['m'] }, { models, agents, memoryFreeBytes: GiB })), null);
});
t.test('memory: Ollama loads only what needs at most four fifths of free memory', async (t) => {
  const given = { memoryFreeBytes: 1.2 * GiB, models: [modelOf('m')] };
  t.ok(memory.refuses(candidate({ model: ['m'] }, given)));
  t.equal(
    memory.refuses(candidate({ model: ['m'] }, { ...given, models: [modelOf('m', { runtime: 'llama' })] })),
    null,
  );
});
t.test('memory: figures that nobody knows count as fitting', async (t) => {
  t.equal(memory.refuses(candidate({}, { memoryTotalBytes: 0, memoryFreeBytes: 0 })), null);
  t.equal(memory.refuses(candidate({}, { memoryFreeBytes: 0, models: [modelOf('m', { sizeBytes: 0 })] })), null);
  t.equal(memory.refuses(candidate({}, { memoryFreeBytes: 0, models: [modelOf('m', { runtime: 'openai' })] })), null);
});
t.test('memory: what agents that stay are owed is not given away', async (t) => {
  const models = [modelOf('m', { sizeBytes: 3 * GiB }), modelOf('n', { sizeBytes: 2 * GiB })];
  t.equal(memory.refuses(candidate({ model: ['n'] }, { models })), null);
  t.ok(memory.refuses(candidate({ model: ['n'] }, { models, agents: [stayingOf('b', 'm')] })), 'm is yet to be loaded');
});
t.test('agents per node and company', async (t) => {
  const full = candidate({});
  full.room.agents = maxAgentsPerNode;
  t.match(agentsPerNode.refuses(full), /most a node takes/);
  t.equal(agentsPerNode.refuses(candidate({})), null);
  t.match(avoidAgents.refuses(candidate({}, {}, [['alice', 'bob']])), /bob is there/);
  t.equal(avoidAgents.refuses(candidate({}, {}, [['aria', 'bob']])), null);
});
t.test('a node counts under the first filter; the fix looks at all of them', async (t) => {
  const closed = { filter: 'cordoned', text: 'a person wants nothing new here' };
  const bad = candidate({ model: ['x'], placement: { class: ['gpu'] } }, { closed });
  t.equal(firstRefusal(bad)?.filter, 'class');
  t.same(
    allRefusals(bad).map(({ filter }) => filter),
    ['class', 'cordoned', 'model'],
  );
  t.equal(firstRefusal(candidate({ model: ['x'] }, { closed }))?.filter, 'cordoned');
  t.equal(firstRefusal(candidate({})), null);
});
t.test('context memory a token grows with the model and meets the measured points', async (t) => {
  const kib = (parametersB: number) => kvBytesPerToken({ parametersB, sizeBytes: 0 }) / 1024;
  t.same([0.5, 3, 8, 70].map(kib), [12, 112, 128, 320]);
  t.ok(kib(1) > 12 && kib(1) < 112 && kib(14) > 128 && kib(14) < 320 && kib(405) > 320);
  t.equal(kib(0), 0);
  t.ok(kvBytesPerToken({ parametersB: 0, sizeBytes: 5e9 }) > 112 * 1024, 'parameters are guessed from the file');
});
