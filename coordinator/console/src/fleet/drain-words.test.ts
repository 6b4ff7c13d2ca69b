// A drain in words: what will become of the agents is said as placement has planned it.
import type { WhatIfPlan } from '@blackroad/protocol';
import t from 'tap';
import { drainInWords, drainPlan } from './drain-words.ts';

const nothing: WhatIfPlan = {
  nodesLost: 0,
  agentsAdded: 0,
  placed: 0,
  moved: 0,
  displaced: 0,
  staying: 0,
  unplaced: [],
  moves: [],
  models: [],
  nodes: [],
};
const move = (agent: string, from: string | null, to: string | null) => ({ agent, from, to, model: null });

t.test('who moves where, who stays and why; others are told apart', async (t) => {
  const reason = { agents: 1, example: 'greeter', text: 'it stays', fix: [] };
  const moves = [
    move('a', 'vm', 'pi'),
    move('b', 'vm', 'box'),
    move('c', 'vm', 'box'),
    move('guest', 'box', 'pi'),
    move('waiting', null, 'pi'),
  ];
  t.same(drainPlan({ ...nothing, moved: 4, staying: 1, unplaced: [reason], moves }, ['vm']), {
    moving: 3,
    staying: 1,
    targets: [
      { node: 'box', agents: ['b', 'c'] },
      { node: 'pi', agents: ['a'] },
    ],
    reasons: [reason],
    others: 1,
  });
  t.same(drainPlan({ ...nothing, unplaced: [reason] }, ['vm']).reasons, [], 'who had no place before is no reason');
});

t.test('in words', async (t) => {
  t.equal(drainInWords({ moving: 0, staying: 0 }), 'no agent is on it');
  t.equal(drainInWords({ moving: 1, staying: 0 }), '1 agent moves away');
  t.equal(drainInWords({ moving: 2, staying: 1 }), '2 agents move away, 1 has no other place and stays');
  t.equal(drainInWords({ moving: 0, staying: 1 }), 'its only agent has no other place and stays');
  t.equal(drainInWords({ moving: 0, staying: 2 }), 'its 2 agents have no other place and stay');
});
