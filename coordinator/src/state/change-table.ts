// The kinds of changes, beside their effect on the view (apply.ts) and on the store: whether the kind is stored, the rows it touches for
// all that show the fleet, whether it is a reason to plan, the agents whose place it may affect, and the nodes that a plan must read anew.
// A kind without one of these does not compile. All functions are called before the change is applied. Pure.

import {
  isAsItWas,
  planForAgent,
  planForCapacity,
  planForEndOfWork,
  planForHealth,
  planForHello,
  planForNode,
  planForTick,
  type Urgency,
} from '../placement/plan/replan.ts';
import { agentOfAccount } from './account.ts';
import type { Change, DurableChange } from './change.ts';
import type { Policy } from './input.ts';
import type { AgentRow } from './rows.ts';
import type { Touched } from './touched.ts';
import type { View } from './view.ts';

type Of<T extends Change['type']> = Extract<Change, { type: T }>;
interface ChangeKind<T extends Change['type']> {
  /** Whether it is stored. */
  durable: T extends DurableChange['type'] ? true : false;
  touches: ((touched: Touched, change: Of<T>, view: View) => void) | null;
  plan: Urgency | null | ((view: View, change: Of<T>, policy: Policy) => Urgency | null);
  /** Ids of agents that may need a node because of it. */
  review: 'everyone' | null | ((view: View, change: Of<T>) => Iterable<string>);
  /** Ids of nodes whose agents changed. */
  otherAgents: null | ((view: View, change: Of<T>) => Iterable<string>);
}

const none: readonly string[] = [];
const agentsOn = (view: View, node: string): Iterable<string> => view.agentsByNode.get(node) ?? none;
const placeOf = (view: View, agent: string): string[] => {
  const node = view.agents.get(agent)?.placement?.node;
  return node === undefined ? [] : [node];
};
/** The nodes of the agent before and after the change: what is shown of them depends on it. */
const nodesOf = (view: View, row: AgentRow): string[] => [
  ...placeOf(view, row.id),
  ...(row.placement ? [row.placement.node] : []),
];
const itsNode = (touched: Touched, { node }: { node: string }): void => void touched.nodes.add(node);
const itsAgent = (touched: Touched, { agent }: { agent: string }): void => void touched.agents.add(agent);
/** An agent shows that its budget stops it. */
function touchAccount(touched: Touched, account: string): void {
  const agent = agentOfAccount(account);
  if (agent !== null) touched.agents.add(agent);
}
const onItsNode = (view: View, { node }: { node: string }): Iterable<string> => agentsOn(view, node);

/** Changes that only the store or the loop reads. */
const kept = { durable: true, touches: null, plan: null, review: null, otherAgents: null } as const;
const perishable = { ...kept, durable: false } as const;

export const changeTable: { [T in Change['type']]: ChangeKind<T> } = {
  node: {
    ...kept,
    touches: (touched, { row }) => void touched.nodes.add(row.id),
    plan: planForNode,
    review: (view, { row }) => (isAsItWas(view, row) ? none : agentsOn(view, row.id)),
  },
  'node-gone': {
    durable: true,
    touches: (touched, { id }) => void touched.nodes.add(id),
    plan: 'urgent',
    review: (view, { id }) => agentsOn(view, id),
    otherAgents: (_view, { id }) => [id],
  },
  agent: {
    durable: true,
    touches(touched, { row }, view) {
      touched.agents.add(row.id);
      for (const node of nodesOf(view, row)) touched.nodes.add(node);
    },
    plan: planForAgent,
    review: (_view, { row }) => [row.id],
    otherAgents: (view, { row }) => nodesOf(view, row),
  },
  'agent-gone': {
    durable: true,
    touches(touched, { row }, view) {
      touched.agents.add(row.id);
      for (const node of placeOf(view, row.id)) touched.nodes.add(node);
    },
    plan: 'urgent',
    review: null,
    otherAgents: (view, { row }) => placeOf(view, row.id),
  },
  holder: kept,
  'agent-version': { ...kept, plan: 'urgent' },
  hardware: kept,
  'task-new': {
    ...kept,
    touches(touched, { row }) {
      touched.tasks.add(row.id);
      touched.agents.add(row.agent);
    },
  },
  'task-state': {
    ...kept,
    touches: (touched, { id }) => void touched.tasks.add(id),
    plan: (view, { id, state }) => (state === 'queued' ? planForEndOfWork(view, id) : null),
  },
  'task-end': {
    ...kept,
    touches(touched, { row }) {
      touched.tasks.add(row.id);
      touched.agents.add(row.agent);
      touched.ended.push(row);
    },
    plan: (view, { row }) => planForEndOfWork(view, row.id),
  },
  'task-dismissed': { ...kept, touches: (touched, { id }) => void touched.dismissed.push(id) },
  'tasks-moved': {
    ...kept,
    touches(touched, _change, view) {
      for (const id of view.tasks.keys()) touched.tasks.add(id);
    },
  },
  token: kept,
  'token-gone': kept,
  key: kept,
  session: kept,
  'session-gone': kept,
  conversation: kept,
  'conversation-gone': kept,
  memory: { ...kept, touches: itsAgent },
  branch: { ...kept, touches: (touched, { row }) => void touched.agents.add(row.agent) },
  checkpoint: {
    ...kept,
    touches(touched, { logs }) {
      for (const { agent } of logs) touched.agents.add(agent);
    },
  },
  erasure: { ...kept, touches: (touched, { row }) => void touched.agents.add(row.agent) },
  given: { ...kept, touches: (touched, { row }) => void touched.agents.add(row.agent) },
  'given-gone': kept,
  document: { ...kept, touches: (touched, { row }) => void touched.agents.add(row.agent) },
  'document-gone': kept,
  'memory-run': { ...kept, touches: (touched, { row }) => void touched.agents.add(row.agent) },
  'memory-run-gone': kept,
  spending: { ...kept, touches: (touched, { row }) => touchAccount(touched, row.account) },
  'spending-gone': { ...kept, touches: (touched, { account }) => touchAccount(touched, account) },
  reservation: kept,
  'reservation-gone': kept,
  acknowledged: { ...kept, touches: (touched, { row }) => void touched.alerts.add(row.alert) },
  pin: kept,
  'pin-gone': kept,
  webhook: kept,
  'webhook-gone': kept,
  delivery: kept,
  'delivery-gone': kept,
  'acknowledged-gone': { ...kept, touches: (touched, { alert }) => void touched.alerts.add(alert) },
  restored: kept,
  'restore-found': kept,
  rollout: kept,
  'rollout-gone': kept,
  'rollout-subject': kept,
  'rollout-subject-gone': kept,
  // Events are shown with the numbers that the store gives them.
  event: kept,
  audit: kept,

  seen: perishable,
  health: { ...perishable, touches: itsNode, plan: planForHealth },
  capacity: { ...perishable, touches: itsNode, plan: planForCapacity, review: onItsNode },
  hello: { ...perishable, touches: itsNode, plan: planForHello, review: onItsNode },
  observed: { ...perishable, touches: itsAgent },
  // An agent whose model was removed during the freeze may move now, and no other change announces that.
  frozen: { ...perishable, plan: 'urgent', review: 'everyone' },
  boots: perishable,
  connects: perishable,
  refusals: { ...perishable, touches: itsNode },
  spent: { ...perishable, touches: itsNode },
  'model-used': perishable,
  'model-fault': { ...perishable, plan: 'ordinary', review: onItsNode },
  'memory-copy': perishable,
  behind: perishable,
  'place-trouble': perishable,
  'reservation-free': perishable,
  // Models that nobody could fetch may be fetchable now.
  'known-models': { ...perishable, plan: 'ordinary', review: 'everyone' },
  backups: perishable,
  'object-store': perishable,
  'known-releases': perishable,
  balena: perishable,
  'measured-anew': perishable,
  'rollouts-judged': perishable,
  announced: perishable,
  renewed: perishable,
  ticked: { ...perishable, plan: planForTick },
  'clock-set': perishable,
};

/** The row of a change, whose functions take that change. */
function kindOf<C extends Change>(change: C): ChangeKind<C['type']> {
  return changeTable[change.type] as unknown as ChangeKind<C['type']>;
}
export function isDurable(change: Change): change is DurableChange {
  return changeTable[change.type].durable;
}
export function touch(touched: Touched, change: Change, view: View): void {
  kindOf(change).touches?.(touched, change as never, view);
}
/** Whether the change is a reason to plan, and how urgent. */
export function urgencyOf(view: View, change: Change, policy: Policy): Urgency | null {
  const { plan } = kindOf(change);
  return typeof plan === 'function' ? plan(view, change as never, policy) : plan;
}
export function agentsToReview(view: View, change: Change): Iterable<string> | 'everyone' {
  const { review } = kindOf(change);
  return typeof review === 'function' ? review(view, change as never) : (review ?? none);
}
export function nodesWithOtherAgents(view: View, change: Change): Iterable<string> {
  return kindOf(change).otherAgents?.(view, change as never) ?? none;
}
