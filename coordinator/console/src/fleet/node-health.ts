// The state of a node in one word and tone, from its line or its whole view. Pure.
import type { NodeLine, NodeView } from '@blackroad/protocol';
import { drainingInWords, isDrained } from '@blackroad/protocol/drain-words';
import type { Tone } from '../kit/looks.ts';

export interface Standing {
  /** A word of kit/looks.ts. */
  of: string;
  /** The shown word, where it differs. */
  word: string;
  tone: Tone;
  /** The reason, where there is one. */
  text: string | null;
}
type Node = Pick<
  NodeLine,
  'status' | 'presence' | 'reason' | 'cordoned' | 'draining' | 'condition' | 'agents' | 'staying' | 'onlyHere'
>;

export function standingOf(node: Node): Standing {
  const { status, presence, reason, cordoned, draining, condition } = node;
  if (status === 'quarantined') return { of: 'quarantined', word: 'quarantined', tone: 'bad', text: reason };
  if (presence === 'never') return { of: 'never', word: 'never seen', tone: 'dim', text: reason };
  if (presence === 'lost') return { of: 'lost', word: 'lost', tone: 'bad', text: reason };
  if (presence === 'suspect') return { of: 'suspect', word: 'suspect', tone: 'warn', text: reason };
  const more = condition && condition.more > 0 ? ` (and ${condition.more} more)` : '';
  if (condition?.severity === 'error')
    return { of: 'error', word: 'unhealthy', tone: 'bad', text: condition.text + more };
  if (draining) {
    const word = isDrained(node) ? 'drained' : 'draining';
    return { of: 'draining', word, tone: 'warn', text: drainingInWords(node) };
  }
  if (cordoned) return { of: 'cordoned', word: 'cordoned', tone: 'warn', text: 'nothing new is placed here' };
  if (condition) return { of: 'warning', word: 'warning', tone: 'warn', text: condition.text + more };
  return { of: 'online', word: 'online', tone: 'good', text: null };
}
/** In the order of severity, the worst first. */
export const gravity: Record<Tone, number> = { bad: 0, warn: 1, dim: 2, info: 3, good: 4 };

export function standingOfView(node: NodeView): Standing {
  const worst = node.conditions.find(({ severity }) => severity === 'error') ?? node.conditions[0];
  return standingOf({
    ...node,
    agents: node.agents.length,
    reason: node.quarantineReason ?? node.presenceReason,
    condition: worst ? { ...worst, more: node.conditions.length - 1 } : null,
  });
}

/** The used share of the memory for models; null where it is not known or there is none. */
export function memoryUsed({
  memoryTotalBytes,
  memoryFreeBytes,
}: Pick<NodeLine, 'memoryTotalBytes' | 'memoryFreeBytes'>) {
  if (!memoryTotalBytes || memoryFreeBytes === null) return null;
  return Math.min(1, Math.max(0, 1 - memoryFreeBytes / memoryTotalBytes));
}
