import type { NodeCapacity, NodeHealth, NodeInfo } from '@blackroad/protocol';
import t from 'tap';
import { sampleHealth } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { conditionsOf, healthScore } from './health.ts';

const well = sampleHealth();
const info = { memoryBytes: 8e9 } as NodeInfo;

t.test('bad health in plain words', async (t) => {
  const table: [Partial<NodeHealth>, 'warning' | 'error', RegExp][] = [
    [{ undervoltage: { now: true, sinceBoot: true } }, 'error', /^power supply too weak: undervoltage now$/],
    [{ undervoltage: { now: false, sinceBoot: true } }, 'warning', /power supply too weak at times/],
    [{ temperatureC: 80 }, 'warning', /^hot: 80 °C/],
    [{ temperatureC: 85.4 }, 'error', /^overheated: 85 °C/],
    [{ throttled: { now: true, sinceBoot: true } }, 'warning', /throttled now/],
    [{ throttled: { now: false, sinceBoot: true } }, 'warning', /was throttled/],
    [{ diskFreeBytes: 1024 ** 3 }, 'warning', /disk nearly full: 1.0 GiB/],
    [{ diskFreeBytes: 1024 ** 2 }, 'error', /disk full/],
    [{ readOnlyDisk: true }, 'error', /read-only/],
    [{ clockSynced: false }, 'warning', /clock not synced/],
    [{ sdWrittenBytesPerDay: 12.5e9 }, 'warning', /SD card wear: 12.5 GB written a day/],
    [{ wifi: { signalDbm: -85, reconnects: 0 } }, 'warning', /weak Wi-Fi: -85 dBm/],
    [{ memoryFreeBytes: 1e8 }, 'warning', /memory nearly full/],
    [{ gpus: [{ memoryUsedBytes: 1, utilisation: 1, temperatureC: 92 }] }, 'warning', /GPU hot: 92/],
    [
      { gpuTroubles: [{ kind: 'silent', text: 'NVML: Unknown Error' }] },
      'error',
      /^its GPU does not answer: NVML: Unknown Error; it takes nothing new$/,
    ],
    [
      { gpuTroubles: [{ kind: 'lost', text: 'RTX 3090' }] },
      'error',
      /^a GPU is lost: RTX 3090; it takes nothing new until it is started anew$/,
    ],
    [
      {
        gpus: [{ memoryUsedBytes: 1, utilisation: 0 }],
        gpuTroubles: [
          { kind: 'lost', text: 'RTX 3090' },
          { kind: 'lost', text: 'L4: GPU is lost' },
        ],
      },
      'error',
      /^2 GPUs are lost: RTX 3090, L4: GPU is lost; the machine needs to be started anew$/,
    ],
    [{ gpuTroubles: [{ kind: 'warning', text: 'infoROM is corrupted' }] }, 'warning', /^GPU warning: infoROM/],
  ];
  for (const [sick, severity, text] of table) {
    const health = { ...well, ...sick };
    const conditions = conditionsOf(health, info);
    t.equal(conditions.length, 1, String(text));
    t.match(conditions, [{ severity, text }]);
    t.ok(healthScore(health, info) < 1, String(text));
  }
});

t.test('well, unknown, and worst first', async (t) => {
  const fine = { temperatureC: 79, clockSynced: true, undervoltage: { now: false, sinceBoot: false }, gpus: [] };
  t.same(conditionsOf({ ...well, ...fine }, info), []);
  t.equal(healthScore({ ...well, ...fine }, info), 1);
  t.same(conditionsOf(null, null), []);
  t.ok(healthScore(null) < 1 && healthScore(null) > 0.8);
  const bad = { ...well, temperatureC: 81, readOnlyDisk: true, undervoltage: { now: true, sinceBoot: true } };
  t.same(
    conditionsOf(bad, info).map(({ severity }) => severity),
    ['error', 'error', 'warning'],
  );
  t.equal(healthScore(bad, info), 0);
});

t.test('a machine that should run models and has none is not fine', async (t) => {
  const carries = (models: object[], more = {}) => ({ models, ...more }) as NodeCapacity;
  const of = (nodeClass: string) => ({ ...info, class: nodeClass }) as NodeInfo;
  const embedder = { kind: 'embed', name: 'all-minilm' };
  t.same(conditionsOf(well, of('pi'), carries([embedder], { noModel: 'qwen is being fetched' })), [
    { severity: 'warning', text: 'no model: qwen is being fetched' },
  ]);
  t.match(conditionsOf(well, of('cpu'), carries([])), [{ text: /^no model: agents cannot answer/ }], 'an older node');
  t.match(conditionsOf(null, of('cpu'), carries([])), [{ text: /^no model/ }], 'before the first heartbeat');
  t.same(conditionsOf(well, of('cpu'), carries([{ kind: 'chat', name: 'qwen' }])), [], 'cleared when it has one');
  t.same(conditionsOf(well, of('micro'), carries([])), [], 'meant to have none');
  t.same(conditionsOf(well, of('cpu'), null), [], 'not heard of');
});
