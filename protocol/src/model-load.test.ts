import t from 'tap';
import { loadOnNode, loadWords } from './model-load.ts';
import type { NodeHealth } from './node.ts';

const load = { name: 'small', busy: 4, waiting: 2, slots: 4 };
const small = { name: 'small', resident: true, slots: 2 };
const health = (models?: (typeof load)[]) => ({ ...(models ? { models } : {}) }) as NodeHealth;

t.test('the load of a model as its node tells it', async (t) => {
  const on = (models?: (typeof load)[], presence: 'online' | 'lost' = 'online') =>
    loadOnNode({ presence, health: health(models) }, small);
  t.equal(on([load]), load);
  t.equal(on([load], 'lost'), null, 'what it was before the node went is no load');
  t.equal(on(), null, 'an older node');
  t.equal(loadOnNode({ presence: 'online', health: null }, small), null);
  t.equal(on([]), null, 'loaded and not named: it found no room');
  const idle = loadOnNode({ presence: 'online', health: health([]) }, { ...small, resident: false });
  t.same(idle, { name: 'small', busy: 0, waiting: 0, slots: 2 }, 'not loaded and not named: nothing runs');
});

t.test('in words', async (t) => {
  t.equal(loadWords({ ...load, busy: 1, waiting: 0 }), '1 of 4');
  t.equal(loadWords(load), '4 of 4, 2 waiting');
  t.equal(loadWords({ ...load, busy: 0, waiting: 0, others: 3 }), '0 of 4, 3 of others');
});
