// A drain in words: the result of the plan for the agents, before it is confirmed. Pure.
import type { WhatIfPlan } from '@blackroad/protocol';
import { stayInWords } from '@blackroad/protocol/drain-words';
import { plural } from '../kit/words.ts';

type Move = WhatIfPlan['moves'][number];
export interface DrainPlan {
  moving: number;
  staying: number;
  /** The nodes to which they go, the one with the most agents first. */
  targets: { node: string; agents: string[] }[];
  /** The agents without another place, by reason. */
  reasons: WhatIfPlan['unplaced'];
  /** The agents of other nodes that would move because of it. */
  others: number;
}

/** The what-if of a drain of `nodes`, in the form for its dialog. */
export function drainPlan(plan: WhatIfPlan, nodes: readonly string[]): DrainPlan {
  const drained = new Set(nodes);
  const leaves = ({ from, to }: Move) => from !== null && to !== null && drained.has(from);
  const targets = new Map<string, string[]>();
  for (const move of plan.moves.filter(leaves)) {
    const there = targets.get(move.to as string);
    if (there) there.push(move.agent);
    else targets.set(move.to as string, [move.agent]);
  }
  const others = plan.moves.filter(({ from }) => from !== null && !drained.has(from));
  const othersMoved = others.filter(({ to }) => to !== null).length;
  return {
    moving: plan.moved - othersMoved,
    staying: plan.staying,
    targets: [...targets]
      .map(([node, agents]) => ({ node, agents }))
      .sort((a, b) => b.agents.length - a.agents.length || (a.node < b.node ? -1 : 1)),
    reasons: plan.staying > 0 ? plan.unplaced : [],
    others: others.length,
  };
}

/** `2 agents move, 1 has no other place and stays`. */
export function drainInWords({ moving, staying }: Pick<DrainPlan, 'moving' | 'staying'>): string {
  if (moving + staying === 0) return 'no agent is on it';
  if (moving === 0)
    return staying === 1
      ? 'its only agent has no other place and stays'
      : `its ${plural(staying, 'agent')} have no other place and stay`;
  const move = `${plural(moving, 'agent')} ${moving === 1 ? 'moves' : 'move'}`;
  return staying === 0 ? `${move} away` : `${move} away, ${stayInWords(staying)}`;
}
