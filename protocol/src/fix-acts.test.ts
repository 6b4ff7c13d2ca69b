// Every verb of a fix has words, and every action it offers may be done by the person who sees it.
import t from 'tap';
import { AlertAction } from './alerts.ts';
import { faults } from './faults.ts';
import { Fix, type FixOf } from './fix.ts';
import { actsOf } from './fix-acts.ts';
import { fixInWords } from './fix-words.ts';
import { roleWith } from './permissions.ts';
import { routes } from './routes.ts';

const node = 'alice';
const edit = { verb: 'edit-agent', values: [] } as const;
/** One sample of each verb with its words and the verbs of its actions; a new verb does not compile without one. */
const samples: { [V in Fix['verb']]: [fix: FixOf<V>, words: string, acts: string[]][] } = {
  'edit-agent': [
    [
      { ...edit, field: 'placement.site', change: 'add', values: ['home'] },
      'allow site home: add home to placement.site',
      ['edit-agent'],
    ],
    [
      { ...edit, field: 'placement.site', change: 'add', values: [''], node },
      'allow alice, which has no site: add "" to placement.site',
      ['edit-agent'],
    ],
    [
      { ...edit, field: 'placement.labels', change: 'remove', values: ['a', 'b'] },
      'take a and b out of placement.labels',
      ['edit-agent'],
    ],
    [
      { ...edit, field: 'placement.maxPricePerMillionTokens', change: 'set', values: [3.24], node },
      'raise placement.maxPricePerMillionTokens to 3.24 for alice',
      ['edit-agent'],
    ],
    [
      { ...edit, field: 'concurrency', change: 'lower', values: [4], node },
      'lower concurrency (4) so that it fits alice',
      ['edit-agent'],
    ],
  ],
  'list-pins': [
    [
      { verb: 'list-pins', node, needs: ['pin motion', 'a camera'] },
      'connect pin motion and a camera to alice and list it there (--pins)',
      ['open-node'],
    ],
  ],
  'join-node': [
    [
      { verb: 'join-node', why: 'missing', class: 'pi', names: ['zoe', 'yan'] },
      'join a machine of class pi as zoe or yan',
      ['add-node'],
    ],
    [
      { verb: 'join-node', why: 'booked-out', class: null, names: [], node },
      'add a node with a model it wants: alice is booked out',
      ['add-node'],
    ],
  ],
  'pull-model': [
    [{ verb: 'pull-model', node, model: 'qwen', isAny: false }, 'fetch qwen on alice', ['pull-model']],
    [{ verb: 'pull-model', node, model: null, isAny: true }, 'fetch a chat model on alice', ['open-node']],
  ],
  'uncordon-node': [[{ verb: 'uncordon-node', node }, 'let alice take agents again', ['uncordon-node']]],
  'end-drain': [[{ verb: 'end-drain', node }, 'end the drain of alice', ['uncordon-node']]],
  'release-node': [[{ verb: 'release-node', node }, 'release alice when it is one machine again', ['release-node']]],
  'bring-back': [[{ verb: 'bring-back', node }, 'bring alice back', ['open-node']]],
  'free-memory': [
    [{ verb: 'free-memory', node }, 'free memory on alice (fewer agents or other programs there)', ['open-node']],
  ],
  'free-node': [
    [{ verb: 'free-node', node }, 'keep a node free for it: alice has agents with other models', ['open-node']],
  ],
  'mend-disk': [[{ verb: 'mend-disk', node }, 'make the disk of alice writable again', ['open-node']]],
  'mend-gpu': [
    [{ verb: 'mend-gpu', node }, 'see to the GPU of alice; starting the machine anew often helps', ['open-node']],
  ],
  'mend-model': [[{ verb: 'mend-model', node }, 'see to what fails on alice', ['open-node']]],
  'label-node': [
    [{ verb: 'label-node', node, labels: { room: 'x', a: '1' } }, 'label alice a=1 room=x', ['open-node']],
  ],
  'free-disk': [
    [
      { verb: 'free-disk', node, bytes: 3 * 1024 ** 3, model: 'qwen' },
      'free 3.0 GiB of disk on alice so that it can fetch qwen',
      ['open-node'],
    ],
  ],
  'serve-model': [
    [{ verb: 'serve-model', node, model: null }, 'serve a chat model at the runtime of alice', ['open-node']],
  ],
  'start-runtime': [
    [{ verb: 'start-runtime', node, model: 'qwen' }, 'start the model server of alice with qwen', ['open-node']],
  ],
  'put-model-file': [
    [
      { verb: 'put-model-file', node, model: 'qwen' },
      'put a GGUF file of qwen into the models folder of alice, which cannot fetch it',
      ['open-node'],
    ],
  ],
  wait: [
    [{ verb: 'wait', for: 'capacity', node }, 'wait until alice has reported its capacity', ['open-node']],
    [{ verb: 'wait', for: 'placement' }, 'wait: a place is being looked for', []],
  ],
};
/** The route that the verb of an action calls, as in alerts.ts; a verb that only opens a page needs no permission but to read. */
const routeOf: Partial<
  Record<AlertAction['verb'], 'agentApply' | 'nodeEdit' | 'nodePull' | 'nodeRelease' | 'joinTokenCreate'>
> = {
  'edit-agent': 'agentApply',
  'uncordon-node': 'nodeEdit',
  'pull-model': 'nodePull',
  'release-node': 'nodeRelease',
  'add-node': 'joinTokenCreate',
};

t.test('every fix has its words and its action', async (t) => {
  for (const [fix, words, acts] of Object.values(samples).flat()) {
    t.same(faults(Fix, fix), [], words);
    t.equal(fixInWords([[fix]]), words);
    const found = actsOf([[fix]], 'ada');
    t.same(
      found.map(({ verb }) => verb),
      acts,
      words,
    );
    for (const act of found) {
      t.same(faults(AlertAction, act), []);
      t.equal(act.role, roleWith(routes[routeOf[act.verb] ?? 'node'].needs), act.verb);
    }
  }
});
t.test(
  'steps are said one after another, ways beside each other; one button does for two ways through one page',
  async (t) => {
    const lower = (field: 'limits.contextTokens' | 'concurrency') =>
      ({ ...edit, field, change: 'lower', values: [9], node }) satisfies Fix;
    const steps = [[{ verb: 'uncordon-node' as const, node }], [lower('limits.contextTokens'), lower('concurrency')]];
    t.equal(
      fixInWords(steps),
      'let alice take agents again; then lower limits.contextTokens (9) so that it fits alice, or lower concurrency (9) so that it fits alice',
    );
    t.match(actsOf(steps, 'ada'), [
      { verb: 'uncordon-node', node },
      { verb: 'edit-agent', agent: 'ada' },
    ]);
    t.equal(actsOf(steps, 'ada').length, 2);
    t.same([fixInWords([]), actsOf([], 'ada')], ['', []]);
  },
);
