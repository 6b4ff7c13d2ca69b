import type { FirstBootView, NodeView } from '@blackroad/protocol';
import t from 'tap';
import { firstBootSteps } from './first-boot-steps.ts';

const boot: FirstBootView = { board: 'a', name: 'kitchen', atMs: 0, steps: [{ step: 'started' }, { step: 'online' }] };
const told = (of: FirstBootView, node?: Partial<NodeView>) =>
  firstBootSteps(of, (node ?? null) as NodeView | null).map(({ word, stand }) => `${word} ${stand}`);

t.test('what was told, and what is to come', async (t) => {
  t.same(told(boot), [
    'Started done',
    'Online done',
    'Joined now',
    'Heard of as a node later',
    'A model on it later',
    'Ready later',
  ]);
  const stuck = { ...boot, steps: [...boot.steps, { step: 'joining' as const, problem: true, text: 'why' }] };
  t.same(told(stuck).slice(2, 4), ['Joining bad', 'Joined later'], 'nothing is under way after what failed');
});

t.test('what the node tells by itself goes on with the list', async (t) => {
  const joined = { ...boot, ollama: true, node: 'kitchen' };
  t.same(told(joined).slice(2), [
    'Heard of as a node now',
    'Ollama installed later',
    'A model on it later',
    'Ready later',
  ]);
  const node = { presence: 'online', info: { runtimes: ['ollama 0.12.0'], notes: [] } } as unknown as NodeView;
  t.same(told(joined, node).slice(2, 5), ['Heard of as a node done', 'Ollama installed done', 'A model on it now']);
  const coming = { ...node, info: { runtimes: [], notes: ['Ollama 0.34.4 is being fetched: 30 %'] } };
  t.match(firstBootSteps(joined, coming as never)[3], {
    word: 'Ollama installed',
    stand: 'now',
    text: 'Ollama 0.34.4 is being fetched: 30 %',
  });
  const ready = {
    ...node,
    capacity: {
      models: [
        { kind: 'embedding', name: 'e' },
        { kind: 'chat', name: 'tiny' },
      ],
    },
  };
  t.match(firstBootSteps(joined, ready as never).slice(-2), [
    { word: 'A model on it', stand: 'done', text: 'tiny' },
    { word: 'Ready', stand: 'done' },
  ]);
});
