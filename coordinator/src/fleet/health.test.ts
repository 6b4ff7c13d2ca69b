// The table of signs, row by row: pages, alerts and placement agree on each.
import { isBeyond, type NodeCapacity, type NodeHealth, type NodeInfo } from '@blackroad/protocol';
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { sampleHealth } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import { nodeConditions } from './conditions.ts';
import { type SignCode, signs, signsOf } from './health.ts';
import { acceptHealth } from './presence.ts';
import { nodeTroubles } from './troubles.ts';

const gib = 1024 ** 3;
const gpu = { memoryUsedBytes: 1, utilisation: 0 };
const info: NodeInfo = {
  boot: 'boot-0001',
  class: 'pi',
  hostname: 'alice',
  os: 'Debian',
  arch: 'arm64',
  cores: 4,
  memoryBytes: 8e9,
  gpus: [],
  runtimes: [],
  notes: [],
  simulated: false,
};
/** A heartbeat that shows each sign, and its words; a new sign without a sample does not compile. */
const samples: Record<SignCode, [Partial<NodeHealth>, string]> = {
  'disk-read-only': [
    { readOnlyDisk: true },
    'the disk is read-only: memories cannot be stored; the SD card may be failing; it gets no new agents',
  ],
  'gpu-silent': [
    { gpuTroubles: [{ kind: 'silent', text: 'NVML: Unknown Error' }] },
    'its GPU does not answer: NVML: Unknown Error; it gets no new agents',
  ],
  'gpus-lost': [
    { gpuTroubles: [{ kind: 'lost', text: 'RTX 3090' }] },
    'every GPU is lost: RTX 3090; the machine needs to be started anew; it gets no new agents',
  ],
  'gpu-lost': [
    {
      gpus: [gpu],
      gpuTroubles: [
        { kind: 'lost', text: 'RTX 3090' },
        { kind: 'lost', text: 'L4: GPU is lost' },
      ],
    },
    'a GPU is lost: RTX 3090, L4: GPU is lost; the machine needs to be started anew',
  ],
  undervoltage: [{ undervoltage: { now: true, sinceBoot: true } }, 'power supply too weak: undervoltage now'],
  overheated: [{ temperatureC: 85.4 }, 'overheated: 85 °C; it needs cooling'],
  hot: [{ temperatureC: 80 }, 'hot: 80 °C; it needs cooling'],
  throttled: [{ throttled: { now: true, sinceBoot: true } }, 'throttled now: it runs slower than it could'],
  'disk-full': [{ diskFreeBytes: gib / 4 }, 'disk full: 0.3 GiB left'],
  'gpu-hot': [{ gpus: [{ ...gpu, temperatureC: 92 }] }, 'GPU hot: 92 °C'],
  'disk-low': [{ diskFreeBytes: gib }, 'disk nearly full: 1.0 GiB left'],
  'wifi-weak': [{ wifi: { signalDbm: -85, reconnects: 0 } }, 'weak Wi-Fi: -85 dBm'],
  'undervoltage-before': [
    { undervoltage: { now: false, sinceBoot: true } },
    'power supply too weak at times: undervoltage since the boot',
  ],
  'throttled-before': [{ throttled: { now: false, sinceBoot: true } }, 'was throttled since the boot'],
  'clock-unsynced': [{ clockSynced: false }, 'clock not synced: its times for memories and logs are guesses'],
  'memory-low': [{ memoryFreeBytes: 1e8 }, 'memory nearly full: 0.1 GiB left'],
  'sd-wear': [{ sdWrittenBytesPerDay: 12.5e9 }, 'SD card wear: 12.5 GB written a day'],
  'gpu-warning': [
    { gpuTroubles: [{ kind: 'warning', text: 'infoROM is corrupted' }] },
    'GPU warning: infoROM is corrupted',
  ],
};

/** The nodes alice and bob, equal but for the health of alice. */
function pair(sick: Partial<NodeHealth>): SampleFleet {
  const fleet = new SampleFleet();
  for (const id of ['alice', 'bob']) {
    fleet.addNode(id, { info });
    fleet.online(id);
    fleet.capacity(id, { models: [modelOf('small')] });
    beat(fleet, id, id === 'alice' ? sick : {});
  }
  return fleet;
}
function beat(fleet: SampleFleet, node: string, over: Partial<NodeHealth>): void {
  const message = sampleHealth({ boot: fleet.node(node).boot, atMs: fleet.now, ...over });
  fleet.decide<'node-health'>(acceptHealth, { node, message });
}
const alertsOf = (fleet: SampleFleet) => nodeTroubles(fleet.view, 'alice', fleet.now, 86_400_000);
const codesOf = (fleet: SampleFleet) => nodeConditions(fleet.view, 'alice').map(({ code }) => code);

for (const { code, severity, factor, closes, unless } of signs) {
  const [sick, words] = samples[code];
  t.test(`${code}: what a person is told is what placement does`, async (t) => {
    const fleet = pair(sick);
    const conditions = nodeConditions(fleet.view, 'alice');
    t.match(conditions, [{ code, severity, text: words }]);
    t.equal(conditions.length, 1, 'this sign alone');
    t.ok(unless === undefined || signs.some((other) => other.code === unless), 'the worse sign is one of the table');
    const [alert] = alertsOf(fleet);
    t.match(alert, { group: `node-condition:home:${code}`, severity, title: `alice: ${words}` });
    t.match(alert?.text, /./);
    t.equal(/gets no new agents/.test(alert?.text ?? ''), factor === 0);
    t.equal(/gets no new agents/.test(words), factor === 0);
    t.equal(/prefers other nodes/.test(alert?.text ?? ''), factor > 0 && factor < 1);

    const placement = { class: [], site: [], labels: {}, avoidAgents: [] };
    for (const id of ['alice', 'bob']) fleet.apply1(`at-${id}`, { placement: { ...placement, nodes: [id] } });
    fleet.plan();
    const score = (id: string) => fleet.agent(`at-${id}`).why?.score ?? 0;
    t.ok(score('bob') > 0);
    t.equal(score('alice') < score('bob'), factor < 1, `${score('alice')} and ${score('bob')}`);
    t.equal(fleet.agent('at-alice').placement === null, factor === 0, 'nothing new where nothing is left of its worth');
    t.equal(fleet.agent('at-alice').unplaced?.refused.some(({ filter }) => filter === closes) ?? false, factor === 0);
    if (factor > 0) {
      const health = fleet.agent('at-alice').why?.scores.find(({ name }) => name === 'health');
      t.match(health, { value: factor, text: factor < 1 ? words : 'healthy' });
    }
    fleet.apply1('anywhere');
    fleet.plan();
    t.equal(fleet.agent('anywhere').placement?.node, factor < 1 ? 'bob' : 'alice', 'of equals the first name');
  });
}

t.test('several signs: worst first, their factors multiply', async (t) => {
  const fleet = pair({ temperatureC: 81, throttled: { now: true, sinceBoot: true }, readOnlyDisk: true });
  t.same(codesOf(fleet), ['disk-read-only', 'hot', 'throttled']);
  beat(fleet, 'alice', { temperatureC: 81, wifi: { signalDbm: -85, reconnects: 0 }, diskFreeBytes: gib / 4 });
  t.same(codesOf(fleet), ['disk-full', 'hot', 'wifi-weak']);
  fleet.apply1('a', { placement: { class: [], site: [], labels: {}, nodes: ['alice'], avoidAgents: [] } });
  fleet.plan();
  t.match(
    fleet.agent('a').why?.scores.find(({ name }) => name === 'health'),
    { value: 0.2, text: 'hot: 81 °C; it needs cooling; disk full: 0.3 GiB left; weak Wi-Fi: -85 dBm' },
  );
});

t.test('a sign that wavers around its bound is one sign, until it is well beyond the other bound', async (t) => {
  const fleet = pair({});
  const says = (over: Partial<NodeHealth>) => {
    beat(fleet, 'alice', over);
    return codesOf(fleet).join(' ');
  };
  t.same(
    [79, 80, 79, 76, 75, 74, 79].map((temperatureC) => says({ temperatureC })),
    ['', 'hot', 'hot', 'hot', 'hot', '', ''],
  );
  t.same(
    [84, 85, 84, 82, 81, 76, 74].map((temperatureC) => says({ temperatureC })),
    ['hot', 'overheated', 'overheated', 'overheated', 'hot', 'hot', ''],
  );
  t.equal([86, 79].map((temperatureC) => says({ temperatureC })).at(-1), 'hot', 'from overheated it is hot first');
  t.same(
    [2.1, 1.9, 2.4, 0.4, 0.9, 1, 2.6].map((free) => says({ diskFreeBytes: free * gib })),
    ['', 'disk-low', 'disk-low', 'disk-full', 'disk-full', 'disk-low', ''],
  );
  t.same(
    [-80, -81, -78, -77].map((signalDbm) => says({ wifi: { signalDbm, reconnects: 0 } })),
    ['', 'wifi-weak', 'wifi-weak', ''],
  );
  t.ok(isBeyond({ from: 2, until: 1 }, 1, true));
});

t.test('a node that is well, and one that nobody has heard of', async (t) => {
  const fleet = pair({ temperatureC: 79, clockSynced: true, undervoltage: { now: false, sinceBoot: false }, gpus: [] });
  t.same(codesOf(fleet), []);
  const health = sampleHealth();
  const none: SignCode[] = [];
  t.equal(signsOf(health, info, none), none, 'nothing new is made of it');
  const hot: SignCode[] = ['hot'];
  t.equal(signsOf({ ...health, temperatureC: 78 }, info, hot), hot);
  fleet.online('carol');
  fleet.capacity('carol', { models: [modelOf('small')] });
  t.same(nodeConditions(fleet.view, 'carol'), []);
  fleet.apply1('a', { placement: { class: [], site: [], labels: {}, nodes: ['carol'], avoidAgents: [] } });
  fleet.plan();
  t.match(
    fleet.agent('a').why?.scores.find(({ name }) => name === 'health'),
    { value: 0.9, text: 'no heartbeat yet' },
  );
});

t.test('a machine that should run models and has none is not fine', async (t) => {
  const says = (nodeClass: string, capacity: Partial<NodeCapacity> | null) => {
    const fleet = new SampleFleet();
    fleet.addNode('alice', { info: { ...info, class: nodeClass } });
    fleet.online('alice');
    if (capacity) fleet.capacity('alice', capacity);
    return nodeConditions(fleet.view, 'alice');
  };
  const embedder = modelOf('all-minilm', { kind: 'embed' });
  t.match(says('pi', { models: [embedder], noModel: 'qwen is being fetched' }), [
    {
      code: 'no-model',
      severity: 'warning',
      text: 'no model: qwen is being fetched',
      help: /Agents there cannot answer/,
    },
  ]);
  t.match(says('cpu', {}), [{ text: /^no model: agents cannot answer/ }], 'an older node, before its first heartbeat');
  t.same(says('cpu', { models: [modelOf('qwen')] }), [], 'cleared when it has one');
  t.same(says('micro', {}), [], 'meant to have none');
  t.same(says('cpu', null), [], 'not heard of');
});
