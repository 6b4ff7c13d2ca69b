import type { NodeCapacity, NodeModel } from '@blackroad/protocol';
import t from 'tap';
import { isCapacityNews } from './capacity-news.ts';

const small: NodeModel = {
  name: 'small',
  aliases: [],
  runtime: 'ollama',
  kind: 'chat',
  sizeBytes: 1e9,
  contextTokens: 4096,
  resident: true,
  residentBytes: 1e9,
  parametersB: 1,
  slots: 2,
  tools: true,
  speed: { prefillTps: 90, decodeTps: 10, samples: 5 },
};
const capacity: NodeCapacity = {
  boot: 'boot-0001',
  memoryTotalBytes: 8e9,
  memoryFreeBytes: 4e9,
  diskFreeBytes: 1e11,
  models: [small],
  defaultChat: 'small',
  embedder: null,
};
const isNews = (over: Partial<NodeCapacity>) => isCapacityNews(capacity, { ...capacity, ...over });
const withSpeed = (speed: Partial<NodeModel['speed']>) =>
  isNews({ models: [{ ...small, speed: { ...small.speed, ...speed } }] });

t.test('what creeps is news when it has moved by a step', async (t) => {
  t.notOk(isNews({}));
  t.notOk(isNews({ memoryFreeBytes: 4.3e9, diskFreeBytes: 0.98e11 }));
  t.ok(isNews({ memoryFreeBytes: 4.5e9 }));
  t.ok(isNews({ diskFreeBytes: 0.9e11 }));
  t.notOk(isNews({ models: [{ ...small, residentBytes: 1.02e9 }] }));
  t.ok(isNews({ models: [{ ...small, residentBytes: 1.2e9 }] }));
});

t.test('learned speeds: writing by a tenth, reading and loading by a third', async (t) => {
  t.notOk(withSpeed({ decodeTps: 10.2, prefillTps: 96, samples: 6 }));
  t.ok(withSpeed({ decodeTps: 12 }));
  t.ok(withSpeed({ prefillTps: 140 }));
  t.ok(withSpeed({ loadMs: 3000 }), 'it was seen to load');
  t.ok(withSpeed({ samples: 0 }), 'a guess is another word than a measure');
});

t.test('anything else is news as soon as it is another', async (t) => {
  t.ok(isNews({ models: [{ ...small, resident: false }] }));
  t.ok(isNews({ models: [{ ...small, slots: 3 }] }));
  t.ok(isNews({ embedder: 'e' }));
});
