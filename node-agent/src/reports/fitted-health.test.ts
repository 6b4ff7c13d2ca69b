import { decode, encode, type NodeHealth } from '@blackroad/protocol';
import t from 'tap';
import { fittedHealth } from './fitted-health.ts';

const times = <T>(count: number, one: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => one(at));
const figure = 1234567.123456789;
/** A machine with as many cards, leases and models as a heartbeat may name. */
const full: NodeHealth = {
  boot: '01jq8y2k7d4w6n0m3v5x9z1b2c',
  atMs: 1_795_000_000_000,
  uptimeS: figure,
  generation: 123_456,
  cpu: 0.123456789012345,
  memoryFreeBytes: 2 ** 44,
  diskFreeBytes: 2 ** 50,
  temperatureC: 61.123456789,
  throttled: { now: false, sinceBoot: false },
  undervoltage: { now: false, sinceBoot: false },
  sdWrittenBytesPerDay: figure,
  diskWrittenBytesPerDay: figure,
  readOnlyDisk: false,
  clockSynced: false,
  wifi: { signalDbm: -61.5, reconnects: 123_456 },
  network: { receivedBytesPerS: figure, sentBytesPerS: figure },
  gpus: times(32, () => ({ memoryUsedBytes: 85_520_809_984, utilisation: 0.99, temperatureC: 71 })),
  tasksRunning: 12_345,
  models: times(16, (at) => ({ name: `Qwen/Qwen2.5-Coder-32B-${at}`, busy: 64, waiting: 64, slots: 64, others: 64 })),
  outboxDepth: 50_000,
  held: times(32, () => '01hzz8w7q8w3v4n5m6k7j8h9g0.10'),
  agentRssBytes: 66_000_000,
};
const sent = (health: NodeHealth) => {
  const { topic, payload } = encode('nodeHealth', { node: 'alice' }, health);
  return decode(topic, Buffer.from(payload));
};

t.test('a machine with as much of everything as a heartbeat may name says all of it', async (t) => {
  t.equal(fittedHealth(full), full);
  t.match(sent(full), { name: 'nodeHealth' });
});

t.test('long names and words give way, the idlest model first; leases and cards never', async (t) => {
  const wordy: NodeHealth = {
    ...full,
    models: times(16, (at) => ({ name: `${at} ${'模'.repeat(190)}`, busy: 16 - at, waiting: 0, slots: 16 })),
    triggerTroubles: times(8, (at) => `${at} ${'é'.repeat(290)}`),
    gpuTroubles: times(33, (at) => ({ kind: 'lost', text: `${at} ${'"'.repeat(290)}` })),
  };
  t.match(sent(wordy), { refused: 'too-large' });
  const fitted = fittedHealth(wordy);
  t.match(sent(fitted), { name: 'nodeHealth' });
  const { models = [], triggerTroubles = [], gpuTroubles = [], ...rest } = fitted;
  const { models: _, triggerTroubles: __, gpuTroubles: ___, ...whole } = wordy;
  t.same(rest, whole, 'the rest is as it was');
  t.ok(models.length + triggerTroubles.length + gpuTroubles.length > 0, 'the room that there is is used');
  t.same(models, wordy.models?.slice(0, models.length));
  t.same(triggerTroubles, wordy.triggerTroubles?.slice(0, triggerTroubles.length));
  t.same(gpuTroubles, wordy.gpuTroubles?.slice(0, gpuTroubles.length));
});
