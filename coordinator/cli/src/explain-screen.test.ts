// The picture of `fleet agents explain` shows all that a person needs and fits the screen.
import type { PlacementExplained } from '@blackroad/protocol';
import t from 'tap';
import { explainScreen } from './explain-screen.ts';
import { paintFor } from './words.ts';

type Scored = NonNullable<PlacementExplained['here']>;
const paint = paintFor(false);
const as = { fleet: (words: string) => `fleet ${words}`, fleetNode: (words: string) => `fleet-node ${words}` };
const scored = (node: string, load: number, locality: number, isHere = false): Scored => ({
  node,
  model: 'llama3.2:1b',
  score: 400 + 8 * load + 2 * locality,
  scores: [
    { name: 'preference', value: 1, weight: 400, text: 'llama3.2:1b is choice 1 of the agent' },
    { name: 'near', value: 0, weight: 3, text: 'its list of near agents is empty' },
    { name: 'load', value: load, weight: 8, text: '2 other agents on 4 slots' },
    { name: 'locality', value: locality, weight: 2, text: locality ? 'its memory is here' : 'its memory is on aria' },
  ],
  isHere,
});
const placed: PlacementExplained = {
  agent: 'greeter',
  node: 'aria',
  placedMs: 1,
  text: 'greeter is on aria with llama3.2:1b, the best of 3 nodes that would take it',
  pending: null,
  here: scored('aria', 0.8, 1, true),
  others: [scored('codex', 0.8, 0), scored('alice', 0.5, 0)],
  classes: [
    {
      class: 'edge-gpu',
      nodes: 1,
      wouldTake: 0,
      refused: [
        {
          filter: 'model',
          nodes: 1,
          text: 'anvil: it has no model named small, and no runtime there that could fetch one by itself, so that a person has to',
        },
      ],
    },
    { class: 'pi', nodes: 3, wouldTake: 3, refused: [] },
  ],
  unplaced: null,
};

t.test('a placed agent: why here in points, how far behind the others are and why, who would not', async (t) => {
  const screen = explainScreen(placed, { columns: 80, paint, as });
  t.match(screen, /^greeter is on aria/);
  t.match(screen, /Why aria, where it is: 408\.4 with llama3\.2:1b/);
  t.match(screen, / {2}load +████████·· +6\.4 +of 8 +2 other agents on 4 slots/);
  t.match(screen, /\n {2}no points anywhere: near\n/);
  t.notMatch(screen, /list of near agents/);
  t.match(screen, / {2}codex +llama3\.2:1b +406\.4 +-2\.0 +locality: its memory is on aria/);
  t.match(screen, / {2}alice +llama3\.2:1b +404\.0 +-4\.4 +load: 2 other agents/);
  t.match(screen, / {2}edge-gpu +0 of 1 node would take it\n {4}1 by model: anvil: it has no model/);
  t.match(screen, / {2}pi +3 of 3 nodes would take it/);
  t.notMatch(screen, /to fix it/);
  for (const columns of [80, 120]) {
    const lines = explainScreen(placed, { columns, paint, as }).split('\n');
    t.same(
      lines.filter((line) => line.length > columns),
      [],
      `fits ${columns} columns`,
    );
  }
});

t.test('an agent that is nowhere: the fix is there, and so is what it waits for', async (t) => {
  const text = 'greeter is on no node: no open node has a model named flux';
  const nowhere: PlacementExplained = {
    ...placed,
    node: null,
    text,
    here: null,
    others: [],
    unplaced: {
      text: 'no open node has a model named flux',
      fix: [[{ verb: 'pull-model', node: 'anvil', model: 'flux', isAny: false }]],
    },
  };
  const screen = explainScreen(nowhere, { columns: 80, paint, as });
  t.match(
    screen,
    /^greeter is on no node: no open node has a model named flux\n\nto fix it: pull it \(fleet nodes pull anvil flux\)/,
  );
  t.notMatch(screen, /Why |Other nodes/);
  t.match(
    explainScreen({ ...placed, pending: 'aria is draining' }, { columns: 80, paint, as }),
    /\nnow: aria is draining/,
  );
  t.match(explainScreen({ ...nowhere, classes: [] }, { columns: 80, paint, as }), /There is no node in the fleet/);
});

t.test('another node that is better now says why with a plus; equals are told apart by name', async (t) => {
  const better = { ...placed, others: [scored('codex', 1, 1), scored('octavia', 0.8, 1)] };
  const screen = explainScreen(better, { columns: 120, paint, as });
  t.match(screen, / {2}codex +\S+ +410\.0 +\+1\.6 +load: /);
  t.match(screen, / {2}octavia +\S+ +408\.4 +0\.0 +the same in everything/);
});
