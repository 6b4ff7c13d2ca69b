// The verdict on a what-if in one sentence, the same in the terminal and in the console. No validator is imported, so that a browser need
// not load one.
import type { WhatIfPlan } from './placement.ts';
import { counted } from './quantity-words.ts';

type Counts = Pick<WhatIfPlan, 'nodesLost' | 'agentsAdded' | 'placed' | 'moved' | 'displaced' | 'staying'>;

export function planInWords({ nodesLost, agentsAdded, placed, moved, displaced, staying }: Counts): string {
  const parts: string[] = [];
  if (agentsAdded > 0) {
    const one = agentsAdded === 1;
    parts.push(
      placed === agentsAdded
        ? `${one ? 'The added agent finds' : `All ${agentsAdded.toLocaleString('en-US')} added agents find`} a place`
        : placed === 0
          ? one
            ? 'The added agent finds no place'
            : `None of the ${counted(agentsAdded, 'added agent')} finds a place`
          : `${placed.toLocaleString('en-US')} of ${counted(agentsAdded, 'added agent')} find a place`,
    );
  }
  if (nodesLost > 0) parts.push(`${counted(nodesLost, 'node')} ${nodesLost === 1 ? 'is' : 'are'} gone`);
  if (moved > 0) parts.push(`${counted(moved, 'agent')} ${moved === 1 ? 'moves' : 'move'}`);
  if (displaced > 0) parts.push(`${counted(displaced, 'agent')} ${displaced === 1 ? 'loses its' : 'lose their'} place`);
  if (staying > 0)
    parts.push(
      `${counted(staying, 'agent')} ${staying === 1 ? 'has' : 'have'} no other place and ${staying === 1 ? 'stays' : 'stay'}`,
    );
  if (moved + displaced + staying === 0) parts.push(agentsAdded > 0 ? 'nobody moves' : 'no agent is touched');
  return `${parts.join('; ')}.`.replace(/^./, (first) => first.toUpperCase());
}

/** Limits of the verdict that a person could overlook. */
export function planCaveats({ nodesLost, agentsAdded }: Pick<Counts, 'nodesLost' | 'agentsAdded'>): string {
  const words = ['Nothing was touched.'];
  if (nodesLost > 1) words.push('Should so many nodes fail at once in truth, moves may be frozen at first.');
  if (agentsAdded > 0)
    words.push(
      'A place is memory and the tokens a minute that the agents book, not how soon they answer when all are asked at once.',
    );
  return words.join(' ');
}
