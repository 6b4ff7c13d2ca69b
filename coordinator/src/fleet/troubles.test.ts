// Troubles of nodes, with the groups that make alerts of them.
import type { NodeHealth } from '@blackroad/protocol';
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { boot1, sampleHealth, sampleSpec } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import type { BranchRow } from '../state/rows.ts';
import { acceptHealth } from './presence.ts';
import { agentTroubles, fleetTroubles, nodeTroubles, settlingMs } from './troubles.ts';

const dayMs = 86_400_000;
function ill(fleet: SampleFleet, node: string, over: Partial<NodeHealth>) {
  const message = sampleHealth({ atMs: fleet.now, ...over });
  fleet.decide<'node-health'>(acceptHealth, { node, message });
  return nodeTroubles(fleet.view, node, fleet.now, dayMs).filter(({ kind }) => kind === 'node-condition');
}

t.test('sites with names of another script are not one', async (t) => {
  const fleet = new SampleFleet();
  const groups = ['東京', '大阪', 'Köln', 'Kåln'].map((site, i) => {
    fleet.addNode(`n${i}`, { site });
    fleet.birth(`n${i}`);
    return ill(fleet, `n${i}`, { temperatureC: 90 }).map(({ group }) => group);
  });
  t.same(
    groups.map(({ length }) => length),
    [1, 1, 1, 1],
  );
  t.equal(new Set(groups.flat()).size, 4);
  t.same(groups[2], ['node-condition:koln:overheated']);
});

t.test('a lost GPU is a trouble in plain words, with the drain beside it', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('anvil');
  t.match(ill(fleet, 'anvil', { gpuTroubles: [{ kind: 'lost', text: 'RTX 3090: GPU is lost' }] }), [
    {
      severity: 'error',
      title:
        'anvil: every GPU is lost: RTX 3090: GPU is lost; the machine needs to be started anew; it gets no new agents',
      many: 'nodes of home: every GPU is lost',
      code: 'gpus-lost',
      actions: [{ verb: 'open-node' }, { verb: 'drain-node' }],
    },
  ]);
  t.same(ill(fleet, 'anvil', {}), []);
});

const ofNode = (fleet: SampleFleet, id: string) => nodeTroubles(fleet.view, id, fleet.now, dayMs);
const ofAgent = (fleet: SampleFleet, name: string) => agentTroubles(fleet.view, name, fleet.now);
const ofFleet = (fleet: SampleFleet, deadLetters = 0) => fleetTroubles(fleet.view, fleet.now, deadLetters);
const verbs = (trouble: { actions: { verb: string }[] } | undefined) => trouble?.actions.map(({ verb }) => verb);

t.test('a node that is away is told with its reason, and is worse when agents wait for it', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('bare');
  for (const agent of ['ada', 'bob']) fleet.runs(agent, 'anvil', { onLoss: { policy: 'keep', afterSeconds: 0 } });
  t.same([...ofNode(fleet, 'anvil'), ...ofNode(fleet, 'bare')], []);
  for (const id of ['anvil', 'bare']) fleet.will(id, boot1, 'its power went');
  fleet.tick();
  t.same(ofNode(fleet, 'bare'), [], 'one that was just cut may be back in a moment');
  const sinceMs = fleet.now;
  fleet.pass(120_000);
  const lost = { kind: 'node-lost', group: 'node-lost:home', site: 'home' };
  t.match(ofNode(fleet, 'anvil'), [
    { ...lost, severity: 'error', title: /^anvil is lost: ./, text: /reconnects by itself\. 2 agents wait for it\.$/ },
  ]);
  const [bare] = ofNode(fleet, 'bare');
  t.match(bare, { ...lost, severity: 'warning', text: /reconnects by itself\.$/ }, 'nobody waits for that one');
  t.ok((bare?.sinceMs ?? 0) > sinceMs && (bare?.sinceMs ?? 0) <= fleet.now, 'since it is lost');
  t.same(verbs(bare), ['open-node', 'forget-node']);
  fleet.move(['bob', 'bare']);
  t.match(ofNode(fleet, 'anvil'), [{ text: /One agent waits for it\.$/ }]);
  fleet.online('anvil');
  t.same(ofNode(fleet, 'anvil'), []);
  t.same(ofNode(fleet, 'nobody'), []);
});

t.test('of a node in quarantine nothing else is told: a person decides about it first', async (t) => {
  const fleet = new SampleFleet();
  const quarantineReason = 'two machines speak as twin';
  fleet.addNode('twin', { status: 'quarantined', quarantineReason, presence: 'lost', certificateExpiresMs: 0 });
  const [only, ...others] = ofNode(fleet, 'twin');
  t.match(only, { kind: 'node-quarantined', severity: 'error', title: `twin is quarantined: ${quarantineReason}` });
  t.same(verbs(only), ['open-node', 'release-node', 'forget-node']);
  t.same(others, []);
});

t.test('a certificate that was not renewed is told while there is time, and when there is none', async (t) => {
  const fleet = new SampleFleet();
  fleet.addNode('old', { certificateExpiresMs: fleet.now + dayMs });
  fleet.online('old');
  t.same(ofNode(fleet, 'old'), []);
  fleet.now += dayMs * 0.7;
  t.same(ofNode(fleet, 'old'), [], 'at two thirds of its life it is the turn of the node');
  fleet.now += dayMs * 0.15;
  t.match(ofNode(fleet, 'old'), [
    { kind: 'certificate-expires', severity: 'warning', title: /of old expires soon and was not renewed$/ },
  ]);
  fleet.now += dayMs;
  t.match(ofNode(fleet, 'old'), [{ title: /of old has expired and was not renewed$/ }]);
});

t.test('a drain that cannot end names who stays, why, and what would help', async (t) => {
  const fleet = new SampleFleet();
  for (const agent of ['ada', 'bob']) fleet.runs(agent, 'anvil');
  fleet.apply([{ type: 'node', row: { ...fleet.node('anvil'), draining: true } }]);
  t.same(ofNode(fleet, 'anvil'), [], 'they have not been looked for yet');
  fleet.plan();
  const [told] = ofNode(fleet, 'anvil');
  t.match(told, {
    kind: 'drain-stays',
    title: 'anvil drains, and 2 agents have no other place',
    text: /^ada: .*Fix: /,
  });
  t.ok(verbs(told)?.includes('open-agent'));
  fleet.apply([{ type: 'agent', row: { ...fleet.agent('bob'), unplaced: null } }]);
  t.match(ofNode(fleet, 'anvil'), [{ title: 'anvil drains, and ada has no other place' }]);
});

t.test('an agent without a node: what the advice names can be done there and then', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('anvil');
  const model = modelOf('small');
  fleet.capacity('anvil', { models: [model], pulls: ['ollama'] });
  fleet.apply([{ type: 'node', row: { ...fleet.node('anvil'), cordoned: true } }]);
  fleet.apply1('ada');
  fleet.plan();
  t.same(ofAgent(fleet, 'ada'), [], 'just applied');
  fleet.now += settlingMs;
  const [closed] = ofAgent(fleet, 'ada');
  t.match(closed, {
    kind: 'agent-unplaced',
    severity: 'error',
    title: /^ada has no node: ./,
    text: 'Fix: let anvil take agents again.',
  });
  t.match(closed?.actions, [{ verb: 'uncordon-node', node: 'anvil', role: 'operator' }, { verb: 'open-agent' }]);

  fleet.apply([{ type: 'node', row: { ...fleet.node('anvil'), cordoned: false } }]);
  fleet.apply1('ada', { model: ['qwen2.5:3b'], limits: { ...sampleSpec('x').limits, contextTokens: 1e9 } });
  fleet.plan();
  fleet.now += settlingMs;
  const [large] = ofAgent(fleet, 'ada');
  t.ok(verbs(large)?.includes('edit-agent'), large?.text ?? 'no trouble');
  t.not(large?.group, closed?.group, 'it wants something else now: another alert');

  fleet.capacity('anvil', { models: [model], pulls: ['ollama'], diskFreeBytes: 50 * 1024 ** 3 });
  fleet.apply1('ada', { model: ['nobody-knows:7b'] });
  fleet.plan();
  fleet.now += settlingMs;
  const [missing] = ofAgent(fleet, 'ada');
  t.match(missing?.text, /^Fix: fetch nobody-knows:7b on anvil, or set model: \[auto\]\.$/);
  t.match(missing?.actions, [
    { verb: 'pull-model', node: 'anvil', model: 'nobody-knows:7b', role: 'operator' },
    { verb: 'edit-agent', agent: 'ada' },
    { verb: 'open-agent' },
  ]);
  t.same(ofAgent(fleet, 'nobody'), []);
});

t.test(
  'agents that fail for one reason are one alert, whatever figures it names; a word of an earlier place is none',
  async (t) => {
    const fleet = new SampleFleet();
    const fails = (agent: string, reason?: string, code?: string) => {
      const { node, epoch } = fleet.agent(agent).placement as { node: string; epoch: number };
      const observed = {
        boot: boot1,
        agent,
        epoch,
        state: 'failed' as const,
        model: 'small',
        ...(reason ? { reason } : {}),
        ...(code ? { code } : {}),
      };
      fleet.apply([{ type: 'observed', agent, node, observed }]);
      return ofAgent(fleet, agent);
    };
    for (const agent of ['ada', 'bob', 'eve']) fleet.runs(agent, 'anvil');
    const [ada] = fails('ada', 'no room: 1.5 GiB free');
    const [bob] = fails('bob', 'no room: 320 GiB free');
    t.match(ada, { kind: 'agent-failed', title: 'ada failed on anvil: no room: 1.5 GiB free', node: 'anvil' });
    t.same(verbs(ada), ['open-agent', 'open-node']);
    t.equal(ada?.group, bob?.group);
    t.not(fails('eve')[0]?.group, ada?.group);
    t.match(ofAgent(fleet, 'eve'), [{ title: 'eve failed on anvil: no reason given', code: undefined }]);
    // The code that the node reports makes the group, whatever its words.
    const [one] = fails('ada', 'small could not be fetched: no such host', 'model-not-fetched');
    const [other] = fails('bob', 'small could not be fetched: HTTP status 503', 'model-not-fetched');
    t.match(one, { group: 'agent-failed:model-not-fetched-small', code: 'model-not-fetched' });
    t.equal(other?.group, one?.group);
    t.not(fails('bob', 'small does not load: no such host', 'model-not-loaded')[0]?.group, one?.group);
    fleet.online('other');
    fleet.move(['ada', 'other']);
    t.same(ofAgent(fleet, 'ada'), [], 'that was said of the node it left');
  },
);

t.test('a full queue is told with its number', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('ada', 'anvil', { queue: 2 });
  for (const id of ['t1', 't2']) fleet.submit(id, 'ada');
  t.same(ofAgent(fleet, 'ada'), [], 'one runs, one waits');
  fleet.submit('t3', 'ada');
  t.match(ofAgent(fleet, 'ada'), [
    { kind: 'queue-full', title: 'The queue of ada is full: 2 tasks wait', text: /New tasks are refused/ },
  ]);
  t.equal(fleet.submit('t4', 'ada').outcome.ok, false, 'as it says');
});

t.test('of the fleet: freezes by site, failed tasks, branches that nobody brings in', async (t) => {
  const fleet = new SampleFleet();
  t.same(ofFleet(fleet), []);
  const freeze = { sinceMs: fleet.now, reason: '5 of 6 nodes went away', released: [] };
  fleet.apply([
    {
      type: 'frozen',
      frozen: [
        { site: null, ...freeze },
        { site: 'Büro 2', ...freeze },
      ],
    },
  ]);
  t.match(ofFleet(fleet), [
    {
      group: 'moves-frozen:fleet',
      title: 'Agents are not moved for now',
      text: '5 of 6 nodes went away',
      sinceMs: fleet.now,
    },
    { group: 'moves-frozen:buro-2', title: 'Agents are not moved at Büro 2 for now' },
  ]);
  t.same(
    ofFleet(fleet).map(({ actions }) => actions),
    [
      [{ verb: 'release-moves', label: 'Move agents now', role: 'operator' }],
      [{ verb: 'release-moves', label: 'Move agents of Büro 2 now', role: 'operator', site: 'Büro 2' }],
    ],
  );
  fleet.apply([{ type: 'frozen', frozen: [] }]);
  t.match(ofFleet(fleet, 1), [{ title: '1 task failed', text: /^Its attempts/, actions: [{ label: 'View task' }] }]);
  t.match(ofFleet(fleet, 7), [
    { title: '7 tasks failed', text: /^Their attempts/, actions: [{ label: 'View tasks' }] },
  ]);

  const branch = (id: string, over: Partial<BranchRow> = {}) => {
    const row: BranchRow = {
      id,
      space: 'default',
      agent: 'ada',
      node: 'anvil',
      epoch: 1,
      fromSeq: 1,
      uptoSeq: 2,
      complete: true,
      merged: false,
      receivedMs: fleet.now,
      ...over,
    };
    fleet.apply([{ type: 'branch', row, entries: [] }]);
  };
  branch('b1');
  const firstMs = fleet.now;
  fleet.now += 9 * 60_000;
  t.same(ofFleet(fleet), [], 'the agent brings it in by itself');
  branch('b2');
  fleet.now += 2 * 60_000;
  t.match(ofFleet(fleet), [{ severity: 'info', title: 'A memory branch waits to be merged', sinceMs: firstMs }]);
  fleet.now += 10 * 60_000;
  t.match(ofFleet(fleet), [{ title: '2 memory branches wait to be merged', sinceMs: firstMs }]);
  branch('b1', { merged: true });
  branch('b2', { merged: true });
  t.same(ofFleet(fleet), []);
});
