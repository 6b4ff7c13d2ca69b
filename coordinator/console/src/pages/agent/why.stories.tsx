// The picture of a placement: chosen among several, all alike, nobody takes it, no node at all.
import type { NodeScore, PlacementExplained } from '@blackroad/protocol';
import type { Stories } from '../../kit/stories.ts';
import { WhyClasses } from './why-classes.tsx';
import { WhyScores } from './why-scores.tsx';

const node = (name: string, memory: number, load: number): NodeScore => ({
  node: name,
  model: 'qwen2.5:3b',
  score: 72 + memory * 2 + load * 8,
  scores: [
    { name: 'price', value: 1, weight: 72, text: 'costs nothing a token' },
    { name: 'locality', value: memory, weight: 2, text: memory > 0 ? 'its memory is here' : 'its memory is on alice' },
    { name: 'load', value: load, weight: 8, text: `${Math.round((1 - load) * 20)} other agents on 1 slot` },
  ],
  isHere: memory > 0,
});
const refused: PlacementExplained['classes'] = [
  {
    class: 'gpu',
    nodes: 2,
    wouldTake: 1,
    refused: [{ filter: 'cordoned', nodes: 1, text: 'gpu-2: it is cordoned' }],
  },
  {
    class: 'pi',
    nodes: 120,
    wouldTake: 0,
    refused: [
      { filter: 'memory', nodes: 90, text: 'alice: it needs 5.2 GiB and has 3.1 GiB (and 89 more)' },
      { filter: 'away', nodes: 30, text: 'aria: it is lost (and 29 more)' },
    ],
  },
];
const pin = () => null;

export const stories: Stories = {
  'chosen among several': () => (
    <WhyScores nodes={[node('alice', 1, 0.9), node('aria', 0, 0.95), node('codex', 0, 0.4)]} pin={pin} />
  ),
  'all alike': () => <WhyScores nodes={[node('alice', 0, 0.9), node('aria', 0, 0.9)]} pin={pin} />,
  'one node alone': () => <WhyScores nodes={[node('alice', 1, 0.9)]} pin={pin} />,
  'some classes refuse': () => <WhyClasses classes={refused} />,
  'no node': () => <WhyClasses classes={[]} />,
};
