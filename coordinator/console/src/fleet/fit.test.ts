// How models stand to classes.
import type { CatalogueModel } from '@blackroad/protocol';
import t from 'tap';
import { fitOf, type Room } from './fit.ts';

const GiB = 1024 ** 3;
const model = (over: Partial<CatalogueModel> = {}) =>
  ({
    name: 'qwen2.5:3b',
    runtimes: ['ollama'],
    sizeBytes: 2 * GiB,
    residentBytes: 0,
    classes: [],
    ...over,
  }) as CatalogueModel;
const pi = (over: Partial<Room> = {}): Room => ({
  class: 'pi',
  nodes: 4,
  memoryBytes: 4 * GiB,
  pulls: ['ollama'],
  ...over,
});
const speeds = { decodeTps: 5, prefillTps: 20, measured: 1 };

t.test('a model of a class is loaded, on disk, to be fetched, too large or out of reach', async (t) => {
  const loaded = fitOf(model({ classes: [{ class: 'pi', nodes: 3, resident: 2, ...speeds }] }), pi());
  t.match(loaded, { state: 'loaded', text: '2 of 4 nodes, on disk on 3' });
  const disk = fitOf(model({ classes: [{ class: 'pi', nodes: 3, resident: 0, ...speeds }] }), pi());
  t.match(disk, { state: 'disk', text: '3 of 4 nodes' });
  t.match(fitOf(model(), pi()), { state: 'fetch', text: '2.0 GiB to fetch' });
  t.match(fitOf(model({ residentBytes: 5 * GiB }), pi()), { state: 'large', text: '5.0 GiB needed, 4.0 GiB at most' });
  t.match(fitOf(model(), pi({ pulls: [] })), { state: 'away', word: 'not there' });
  t.match(fitOf(model({ runtimes: ['openai'] }), pi()), { state: 'away' });
  t.match(fitOf(model(), pi({ memoryBytes: 0 })), { state: 'away', word: 'no models' });
});
