import { maxAgentsPerNode } from '@blackroad/protocol';
import t from 'tap';
import { GiB, modelOf, nodeOf, specOf, stayingOf } from '../../../../test/fixtures/coordinator/sample-supply.ts';
import { type Catalogue, emptyCatalogue, learnModels } from '../model/catalogue.ts';
import { expectedKvBytesPerToken } from '../model/memory-fit.ts';
import { openRoom, useOf } from '../model/room.ts';
import type { SupplyNode } from '../model/supply.ts';
import { allFilters, brokenRule, firstFilter } from './feasible.ts';
import type { Candidate } from './filter.ts';

type Given = Parameters<typeof specOf>[1];
function candidate(
  spec: Given,
  node: Partial<SupplyNode> = {},
  conflicts: [string, string][] = [],
  catalogue?: Catalogue,
): Candidate {
  const whole = specOf('ada', spec);
  const room = openRoom(nodeOf('alice', node), catalogue);
  return { spec: whole, use: useOf(whole), room, conflicts: new Map(conflicts) };
}
/** The first refusal, as `filter: words`; null: the agent may run there. */
function why(...given: Parameters<typeof candidate>): string | null {
  const asked = candidate(...given);
  const filter = firstFilter(asked);
  return filter && `${filter.name}: ${filter.words(asked)}`;
}

t.test('class: an empty list is any but cloud', async (t) => {
  t.equal(why({}), null);
  t.match(why({}, { class: 'cloud' }), /^class: .*must be named/);
  t.equal(why({ placement: { class: ['cloud'] } }, { class: 'cloud' }), null);
  t.equal(why({ placement: { class: ['gpu'] } }), 'class: class pi is not gpu');
});
t.test('site, labels, named nodes', async (t) => {
  t.equal(why({ placement: { site: ['home'] } }), null);
  t.equal(why({ placement: { site: ['attic'] } }), 'site: site home is not attic');
  const wants = { placement: { labels: { room: 'kitchen' } } };
  t.equal(why(wants, { labels: { room: 'kitchen', x: 'y' } }), null);
  t.equal(why(wants), 'labels: no label room=kitchen');
  t.equal(why(wants, { labels: { room: 'bath' } }), 'labels: label room is bath, not kitchen');
  t.equal(why({ placement: { nodes: ['alice'] } }), null);
  t.equal(why({ placement: { nodes: ['aria', 'codex'] } }), 'nodes: its spec allows only aria or codex');
});
t.test('simulated: made-up answers stay out of a real agent, unless somebody asks for them', async (t) => {
  t.equal(why({}, { simulated: true }), 'simulated: it is simulated: its answers are made up');
  t.equal(why({ placement: { simulated: true } }, { simulated: true }), null, 'the agent asks');
  t.equal(why({}, { simulated: true, labels: { simulated: 'mix' } }), null, 'the node was started to mix');
  t.match(why({}, { simulated: true, labels: { simulated: 'no' } }), /^simulated/);
  t.equal(why({ placement: { simulated: true } }), null, 'a real node takes it as well');
});
t.test('price: no dearer than the cap; what costs nothing always does', async (t) => {
  const cap = { placement: { maxPricePerMillionTokens: 1 } };
  t.equal(why(cap), null);
  t.equal(why(cap, { pricePerMillionTokens: 1 }), null);
  t.equal(why(cap, { pricePerMillionTokens: 3 }), 'price: costs $3 a million tokens, $1 is the most allowed');
});
t.test('board: every pin, sensor and camera that tools and triggers name', async (t) => {
  const board = { pins: ['motion', 'lamp'], sensors: ['attic'], camera: false };
  const pins = (...names: string[]) => ({ tools: [{ tool: 'gpio' as const, pins: names }] });
  t.equal(why(pins('motion', 'lamp'), { board }), null);
  t.equal(why(pins('motion', 'siren'), { board }), 'board: needs pin siren, which it does not have');
  t.equal(why(pins('motion', 'lamp')), 'board: needs pin motion and pin lamp, which it does not have');
  t.equal(
    why({ tools: [{ tool: 'sensor', sensors: ['attic', 'roof'] }] }, { board }),
    'board: needs sensor roof, which it does not have',
  );
  t.equal(why({ tools: [{ tool: 'camera' }] }, { board }), 'board: needs a camera, which it does not have');
  const wakes = { triggers: [{ pin: 'door', edge: 'both' as const, prompt: 'x' }] };
  t.equal(why(wakes, { board }), 'board: needs pin door, which it does not have');
  t.equal(why({ triggers: [{ cron: '0 7 * * *', prompt: 'x' }], tools: [{ tool: 'memory' }] }), null);
});
t.test('model: names, aliases, auto, and never an embedding model', async (t) => {
  const models = [modelOf('llama3.2:1b', { aliases: ['small'] }), modelOf('minilm', { kind: 'embed' })];
  t.equal(why({ model: ['llama3.2:1b'] }, { models }), null);
  t.equal(why({ model: ['nope', 'small'] }, { models }), null);
  t.equal(why({ model: ['auto'] }, { models }), null);
  t.equal(why({ model: ['minilm'] }, { models }), 'model: minilm makes embeddings there, it cannot chat');
  t.equal(why({ model: ['auto'] }, { models, defaultChat: null }), 'model: it has no chat model');
});
t.test('model: one that another node has can be fetched, where the runtime can and the disk has room', async (t) => {
  const catalogue = emptyCatalogue();
  const gpt = modelOf('gpt', { aliases: ['wise'], sizeBytes: 2 * GiB });
  learnModels(catalogue, nodeOf('other', { models: [gpt] }));
  const wants = (model: string, node: Partial<SupplyNode>) => why({ model: [model] }, node, [], catalogue);
  t.equal(wants('gpt', { pulls: ['ollama'] }), null);
  t.equal(wants('wise', { pulls: ['ollama'] }), null, 'by its alias too');
  t.equal(wants('gpt', {}), 'model: it has no model named gpt');
  t.equal(wants('gpt', { pulls: ['llama'] }), 'model: it has no model named gpt', 'by another runtime it is not known');
  t.equal(wants('other', { pulls: ['ollama'] }), 'model: it has no model named other', 'nobody has it');
  t.equal(
    wants('gpt', { pulls: ['ollama'], diskFreeBytes: 3 * GiB }),
    'model: it could fetch gpt, but that takes 3.2 GiB of disk, 3.0 GiB are free',
  );
});
t.test('pool: a dedicated agent has the node to itself with its model', async (t) => {
  const models = [modelOf('m'), modelOf('n')];
  const dedicated = { placement: { pool: 'dedicated' as const } };
  const mine = { model: ['m'], ...dedicated };
  t.equal(why(mine, { models }), null);
  t.equal(why(mine, { models, agents: [stayingOf('b', 'm')] }), null, 'its own model may be there');
  t.match(why(mine, { models, agents: [stayingOf('b', 'n')] }), /^pool: agents with another model are there/);
  t.equal(why({ model: ['m'] }, { models, agents: [stayingOf('b', 'm', dedicated)] }), null);
  t.match(
    why({ model: ['m'] }, { models, agents: [stayingOf('b', 'n', dedicated)] }),
    /^pool: n has the node to itself/,
  );
  t.match(why({ model: ['m'] }, { models, agents: [stayingOf('b', 'gone', dedicated)] }), /^pool: another model has/);
});
t.test('memory: a loaded model costs context alone, one on disk its weights too', async (t) => {
  const big = (given = {}) => [modelOf('big', { sizeBytes: 5 * GiB, parametersB: 8, ...given })];
  const tight = { memoryTotalBytes: 8 * GiB, memoryFreeBytes: GiB };
  t.match(why({ model: ['big'] }, { ...tight, models: big() }), /^memory: big would take 5\.\d GiB more/);
  t.equal(why({ model: ['big'] }, { ...tight, models: big({ resident: true }) }), null);
  const wide = { model: ['big'], limits: { contextTokens: 8192 }, concurrency: 2 };
  t.match(why(wide, { ...tight, models: big({ resident: true, slots: 2 }) }), /2\.0 GiB more, 1\.0 GiB/);
  const heldFor = big({ resident: true, slots: 2, residentBytes: 7 * GiB });
  t.equal(why(wide, { ...tight, models: heldFor }), null, 'context the runtime holds is used first');
});
t.test('memory: what was measured corrects what was reckoned', async (t) => {
  const given = { memoryTotalBytes: 8 * GiB, memoryFreeBytes: 2 * GiB };
  const with_ = (more: object) =>
    why({ model: ['m'] }, { ...given, models: [modelOf('m', { runtime: 'llama', ...more })] });
  t.equal(with_({}), null);
  t.match(with_({ peakBytes: 3 * GiB }), /^memory: m would take 3\.0 GiB more, 2\.0 GiB/);
  t.match(with_({ kvBytesPerToken: 1024 ** 2 }), /^memory: m would take 3\.0 GiB more/, 'the reported context memory');
});
t.test('memory: a loaded model that nobody uses makes way, one that tasks wait for does not', async (t) => {
  const models = [modelOf('idle', { sizeBytes: 3 * GiB, resident: true }), modelOf('m', { sizeBytes: 2 * GiB })];
  const given = { models, memoryFreeBytes: GiB };
  t.equal(why({ model: ['m'] }, given), null);
  t.match(why({ model: ['m'] }, { ...given, waiting: new Map([['idle', 1]]) }), /^memory/);
  t.match(why({ model: ['m'] }, { ...given, agents: [stayingOf('b', 'idle')] }), /^memory/);
  const served = [modelOf('idle', { runtime: 'openai', sizeBytes: 3 * GiB, resident: true }), models[1]!];
  t.match(why({ model: ['m'] }, { ...given, models: served }), /^memory/, 'a server keeps what it took');
});
t.test('memory: a thousand agents on two slots hold two contexts', async (t) => {
  const agents = Array.from({ length: 500 }, (_, i) => stayingOf(`a${i}`, 'm'));
  const models = [modelOf('m', { resident: true, slots: 2, parametersB: 8 })];
  t.equal(why({ model: ['m'] }, { models, agents, memoryFreeBytes: GiB }), null);
});
t.test('memory: Ollama loads only what needs at most four fifths of free memory', async (t) => {
  const given = { memoryFreeBytes: 1.2 * GiB, models: [modelOf('m')] };
  t.match(why({ model: ['m'] }, given), /^memory/);
  t.equal(why({ model: ['m'] }, { ...given, models: [modelOf('m', { runtime: 'llama' })] }), null);
});
t.test('memory: figures that nobody knows count as fitting', async (t) => {
  t.equal(why({}, { memoryTotalBytes: 0, memoryFreeBytes: 0 }), null);
  t.equal(why({}, { memoryFreeBytes: 0, models: [modelOf('m', { sizeBytes: 0 })] }), null);
  t.equal(why({}, { memoryFreeBytes: 0, models: [modelOf('m', { runtime: 'openai' })] }), null);
});
t.test('memory: what agents that stay are owed is not given away', async (t) => {
  const models = [modelOf('m', { sizeBytes: 3 * GiB }), modelOf('n', { sizeBytes: 2 * GiB })];
  t.equal(why({ model: ['n'] }, { models }), null);
  t.match(why({ model: ['n'] }, { models, agents: [stayingOf('b', 'm')] }), /^memory/, 'm is yet to be loaded');
});
t.test('throughput: the models of a node share its compute', async (t) => {
  const speed = (decodeTps: number) => ({ speed: { prefillTps: 0, decodeTps, samples: 1 } });
  const models = [modelOf('m', speed(10)), modelOf('n', speed(5))];
  const load = (tokensPerMinute: number) => ({ load: { tokensPerMinute } });
  t.equal(why({ model: ['m'], ...load(600) }, { models }), null);
  t.match(
    why({ model: ['m'], ...load(601) }, { models }),
    /^throughput: its models are booked to 0 %: 601 tokens a minute/,
  );
  const agents = [stayingOf('b', 'n', load(150))];
  t.equal(why({ model: ['m'], ...load(300) }, { models, agents }), null, 'half is left');
  t.equal(
    why({ model: ['m'], ...load(360) }, { models, agents }),
    'throughput: its models are booked to 50 %: 360 tokens a minute of the 600 that m makes here are 60 % more',
  );
  t.equal(why(load(1e6), { models: [modelOf('m', speed(0))] }), null, 'an unknown speed counts as fitting');
  const batched = [modelOf('m', { ...speed(10), slots: 11 })];
  t.equal(why(load(600 * 6), { models: batched, class: 'edge-gpu' }), null, 'ten more streams at half a gain each');
  t.match(why(load(600 * 6 + 1), { models: batched, class: 'edge-gpu' }), /^throughput/);
});
t.test('agents per node and company', async (t) => {
  const full = candidate({});
  full.room.agents = maxAgentsPerNode;
  t.match(firstFilter(full)?.words(full), /most a node takes/);
  t.match(why({}, {}, [['alice', 'bob']]), /^avoidAgents: bob is there/);
  t.equal(why({}, {}, [['aria', 'bob']]), null);
});
t.test('a node counts under the first filter; the fix looks at all of them', async (t) => {
  const closed = { filter: 'cordoned' as const, text: 'a person keeps new agents away from it' };
  const bad = candidate({ model: ['x'], placement: { class: ['gpu'] } }, { closed });
  t.equal(firstFilter(bad)?.name, 'class');
  t.same(brokenRule(bad), { filter: 'class', text: 'class pi is not gpu' });
  t.same(
    allFilters(bad).map(({ name }) => name),
    ['class', 'cordoned', 'model'],
  );
  t.equal(firstFilter(candidate({ model: ['x'] }, { closed }))?.name, 'cordoned');
  t.equal(firstFilter(candidate({})), null);
});
t.test('of two wanted models one may lack memory and the other compute', async (t) => {
  const slow = modelOf('slow', { sizeBytes: 1, speed: { prefillTps: 0, decodeTps: 1, samples: 1 } });
  const wants = { model: ['huge', 'slow'], load: { tokensPerMinute: 100 } };
  const models = [modelOf('huge', { sizeBytes: 90 * GiB }), slow];
  t.match(why(wants, { models }), /^throughput: .*slow makes here/, 'the last to be refused is the nearest to a yes');
});
t.test('context memory a token grows with the model and meets the measured points', async (t) => {
  const kib = (parametersB: number) => expectedKvBytesPerToken({ parametersB, sizeBytes: 0 }) / 1024;
  t.same([0.5, 3, 8, 70].map(kib), [12, 112, 128, 320]);
  t.ok(kib(1) > 12 && kib(1) < 112 && kib(14) > 128 && kib(14) < 320 && kib(405) > 320);
  t.equal(kib(0), 0);
  t.ok(
    expectedKvBytesPerToken({ parametersB: 0, sizeBytes: 5e9 }) > 112 * 1024,
    'parameters are guessed from the file',
  );
  t.equal(
    expectedKvBytesPerToken({ parametersB: 8, sizeBytes: 5e9, kvBytesPerToken: 7 }),
    7,
    'what is reported is taken',
  );
});
