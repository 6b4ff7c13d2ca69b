// The reasons why a node takes nothing new from any agent; `closedOf` (snapshot.ts) finds them. Each row has all texts about its reason, so
// that a new row cannot miss one.
import type { AgentSpec, FixOf, FixStep } from '@blackroad/protocol';

interface ClosedRow {
  /** For the documentation, and the reason in an answer where the node has no words of its own. */
  text: string;
  /** The headline where every node within the agent's rules is closed for this reason: `the only node is cordoned`, `no node is online`. */
  only: { one: string; many: string } | { none: string };
  /** The headline where some nodes are: `3 cordoned`. */
  lacking: string;
  /** The fix that would open the node; filter.ts has the scale of costs. */
  fix: { cost: number; ways: (node: string, spec: AgentSpec) => FixStep };
}

export const closedReasons = {
  quarantined: {
    text: 'two machines claim to be this node; a person decides',
    only: { one: 'is quarantined', many: 'are quarantined' },
    lacking: 'quarantined',
    fix: { cost: 4, ways: (node) => [{ verb: 'release-node', node }] },
  },
  away: {
    text: 'not online',
    only: { none: 'is online' },
    lacking: 'not online',
    fix: { cost: 3, ways: (node, spec) => [{ verb: 'bring-back', node }, joinMachine(spec)] },
  },
  unheard: {
    text: 'not heard of since the coordinator started; nothing is assumed of it',
    only: {
      one: 'has not been heard of since the coordinator started',
      many: 'have not been heard of since the coordinator started',
    },
    lacking: 'not heard of since the coordinator started',
    fix: { cost: 0.5, ways: (node) => [{ verb: 'wait', for: 'report', node }] },
  },
  cordoned: {
    text: 'a person keeps new agents away from it',
    only: { one: 'is cordoned', many: 'are cordoned' },
    lacking: 'cordoned',
    fix: { cost: 1, ways: (node) => [{ verb: 'uncordon-node', node }] },
  },
  draining: {
    text: 'its agents are being moved off',
    only: { one: 'is draining', many: 'are draining' },
    lacking: 'draining',
    // A person drains a node on purpose, and its own agents ask for a node too: to end the drain is worse advice than to fetch a model.
    fix: { cost: 3.5, ways: (node) => [{ verb: 'end-drain', node }] },
  },
  capacity: {
    text: 'online, but its capacity has not been reported yet',
    only: { one: 'has not reported its capacity yet', many: 'have not reported their capacity yet' },
    lacking: 'without a capacity report yet',
    fix: { cost: 0.5, ways: (node) => [{ verb: 'wait', for: 'capacity', node }] },
  },
  disk: {
    text: 'its disk is read-only, so memories could not be stored',
    only: { one: 'has a read-only disk', many: 'have a read-only disk' },
    lacking: 'with a read-only disk',
    fix: { cost: 5, ways: (node) => [{ verb: 'mend-disk', node }] },
  },
  gpu: {
    text: 'its GPU is lost or does not answer',
    only: { one: 'has no GPU that works', many: 'have no GPU that works' },
    lacking: 'without a GPU that works',
    fix: { cost: 5, ways: (node) => [{ verb: 'mend-gpu', node }] },
  },
} as const satisfies Record<string, ClosedRow>;
export type ClosedReason = keyof typeof closedReasons;
/** The reasons in the order of the documentation. */
export const closedNames = Object.keys(closedReasons) as ClosedReason[];
export function closedRow(name: ClosedReason): ClosedRow {
  return closedReasons[name];
}

/** The fix where no machine of the fleet is suitable. */
export function joinMachine({ placement }: AgentSpec): FixOf<'join-node'> {
  return { verb: 'join-node', why: 'missing', class: placement.class[0] ?? null, names: [] };
}
