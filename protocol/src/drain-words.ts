// The state of a draining node in words, the same in the terminal and in the console. Pure. In: the node's figures. Out: a sentence that
// never claims more than the coordinator can tell. No validator is imported, so that a browser need not load one.
import type { NodeView } from './node.ts';
import { counted } from './quantity-words.ts';

export const stayInWords = (staying: number): string =>
  staying === 1 ? '1 has no other place and stays' : `${staying.toLocaleString('en-US')} have no other place and stay`;

type Draining = Pick<NodeView, 'staying' | 'onlyHere'> & { agents: number };

/** Whether all agents have left the node and the coordinator has all messages and memories of it, as far as is known. */
export function isDrained({ agents, onlyHere }: Draining): boolean {
  return agents === 0 && (onlyHere ?? 0) === 0;
}

/** The progress of a draining node. */
export function drainingInWords({ agents, staying, onlyHere }: Draining): string {
  if (agents === 0) {
    if (onlyHere === null) return 'it is empty; nothing new is placed here';
    if (onlyHere === 0) return 'it is empty, and the coordinator has all that it knew: it may be switched off';
    const still = onlyHere === 1 ? 'is not with the coordinator yet' : 'are not with the coordinator yet';
    return `it is empty, but ${onlyHere.toLocaleString('en-US')} of its messages and memories ${still}`;
  }
  if (staying === 0) return agents === 1 ? 'its agent moves away' : `its ${counted(agents, 'agent')} move away`;
  if (staying === agents)
    return agents === 1
      ? 'its agent has no other place and stays'
      : `its ${counted(agents, 'agent')} have no other place and stay`;
  return `${agents - staying} of its agents ${agents - staying === 1 ? 'moves' : 'move'} away, ${stayInWords(staying)}`;
}
