// Troubles that need a person, of one node, one agent or the whole fleet: pure functions from the view to troubles in plain words with
// their remedies. Equal troubles have the same group: the alert board makes one alert of them. Nothing here is stored.
import {
  type AgentSpec,
  type AlertAction,
  actsOf,
  type BudgetView,
  budgetUseInWords,
  conditionNames,
  type FixSteps,
  fixInWords,
  plainLatin,
  renewedInWords,
  shareUsed,
} from '@blackroad/protocol';
import { accountOf, viewOf } from '../budgets/books.ts';
import { lowShare } from '../budgets/ledger.ts';
import { keyOfAccount } from '../state/account.ts';
import type { NodeRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import { backupTroubles, restoreTroubles } from './backup-troubles.ts';
import { nodeConditions } from './conditions.ts';
import { stayingOn } from './draining.ts';
import { objectTroubles } from './object-troubles.ts';
import type { Trouble } from './trouble.ts';

/** For this time after its application or the loss of its node, an agent without a placement needs no person: a plan follows. */
export const settlingMs = 5_000;
/** A joined machine sends its hello within seconds; after this time it counts as never connected. */
export const neverSeenMs = 10 * 60_000;
/** The remaining share of a certificate's life at which its renewal has failed for a while: nodes renew at two thirds. */
const certificateLeft = 0.2;
const branchPatienceMs = 10 * 60_000;

const slug = (text: string, most = 80) =>
  plainLatin(text)
    // The code of each letter is part of the slug, so that two sites in another script differ.
    .replace(/\P{ASCII}/gu, (letter) => `-${letter.codePointAt(0)?.toString(36)}-`)
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, most);
/** An alert's id has at most 200 characters. */
const longestWants = 160;
/**
 * The requirements of an agent as a person wrote them: agents with the same requirements have the same trouble, and its id stays while the
 * fleet, and with it the best remedy, changes.
 */
function wantsOf({ model, placement, limits, concurrency, load }: AgentSpec): string {
  const { class: classes, site, labels, nodes, avoidAgents, pool, maxPricePerMillionTokens } = placement;
  const wants = [classes, site, Object.entries(labels), nodes, avoidAgents, pool, maxPricePerMillionTokens];
  return JSON.stringify([wants, limits.contextTokens, concurrency, load?.tokensPerMinute, model]);
}
const openNode = (node: string): AlertAction => ({
  verb: 'open-node',
  label: `Look at ${node}`,
  role: 'viewer',
  node,
});
const openAgent = (agent: string): AlertAction => ({
  verb: 'open-agent',
  label: `Look at ${agent}`,
  role: 'viewer',
  agent,
});

export function nodeTroubles(view: View, id: string, nowMs: number, certificateMs: number): Trouble[] {
  const row = view.nodes.get(id);
  if (!row) return [];
  if (row.status === 'quarantined') return [quarantined(row)];
  if (row.presence === 'lost') return [lost(view, row)];
  if (row.presence === 'never') return nowMs - row.enrolledMs >= neverSeenMs ? [neverSeen(row)] : [];
  if (row.presence !== 'online') return [];
  const troubles: Trouble[] = [...drainStays(view, row)];
  for (const { code, severity, text, help } of nodeConditions(view, id)) {
    const drain: AlertAction = { verb: 'drain-node', label: `Drain ${id}`, role: 'operator', node: id };
    troubles.push({
      group: `node-condition:${slug(row.site)}:${code}`,
      kind: 'node-condition',
      code,
      severity,
      site: row.site,
      node: id,
      sinceMs: null,
      title: `${id}: ${text}`,
      many: `nodes of ${row.site}: ${conditionNames[code]}`,
      text: help,
      actions: severity === 'error' && !row.draining ? [openNode(id), drain] : [openNode(id)],
    });
  }
  const leftMs = row.certificateExpiresMs - nowMs;
  if (leftMs < certificateMs * certificateLeft) {
    troubles.push({
      group: `certificate-expires:${slug(row.site)}`,
      kind: 'certificate-expires',
      severity: 'warning',
      site: row.site,
      node: id,
      sinceMs: null,
      title: `The certificate of ${id} ${leftMs > 0 ? 'expires soon' : 'has expired'} and was not renewed`,
      many: `nodes of ${row.site} have certificates that expire and were not renewed`,
      text: 'Nodes renew by themselves at two thirds of the life. Check that it reaches the HTTPS port of the coordinator and that its clock is right.',
      actions: [openNode(id)],
    });
  }
  return troubles;
}

function quarantined({ id, site, quarantineReason, presenceSinceMs }: NodeRow): Trouble {
  return {
    group: `node-quarantined:${slug(site)}`,
    kind: 'node-quarantined',
    severity: 'error',
    site,
    node: id,
    sinceMs: presenceSinceMs,
    title: `${id} is quarantined: ${quarantineReason}`,
    many: `nodes of ${site} are quarantined`,
    text: 'It gets no work until a person checks the machine and releases the node.',
    actions: [
      openNode(id),
      { verb: 'release-node', label: `Release ${id}`, role: 'admin', node: id },
      { verb: 'forget-node', label: `Forget ${id}`, role: 'admin', node: id },
    ],
  };
}
function lost(view: View, { id, site, presenceReason, presenceSinceMs }: NodeRow): Trouble {
  const here = view.agentsByNode.get(id)?.size ?? 0;
  const stay = here === 0 ? '' : ` ${here === 1 ? 'One agent waits' : `${here} agents wait`} for it.`;
  return {
    group: `node-lost:${slug(site)}`,
    kind: 'node-lost',
    severity: here > 0 ? 'error' : 'warning',
    site,
    node: id,
    sinceMs: presenceSinceMs,
    title: `${id} is lost: ${presenceReason}`,
    many: `nodes of ${site} are lost`,
    text: `Check its power and its network; it reconnects by itself.${stay}`,
    actions: [openNode(id), { verb: 'forget-node', label: `Forget ${id}`, role: 'admin', node: id }],
  };
}
function neverSeen({ id, site, enrolledMs }: NodeRow): Trouble {
  return {
    group: `node-never-seen:${slug(site)}`,
    kind: 'node-never-seen',
    severity: 'warning',
    site,
    node: id,
    sinceMs: enrolledMs,
    title: `${id} joined and never connected`,
    many: `nodes of ${site} joined and never connected`,
    text: 'Its node-agent got a certificate and does not connect: check that it reaches the MQTT port of the coordinator.',
    actions: [openNode(id), { verb: 'forget-node', label: `Forget ${id}`, role: 'admin', node: id }],
  };
}

/** The trouble of a drain that cannot end: no other node fits the agents that stay. */
function drainStays(view: View, { id, site }: NodeRow): Trouble[] {
  const [one, ...others] = stayingOn(view, id);
  const row = one === undefined ? undefined : view.agents.get(one);
  if (!row?.unplaced) return [];
  const why = row.unplaced;
  const first = row.spec.name;
  const who = others.length === 0 ? `${first} has` : `${others.length + 1} agents have`;
  return [
    {
      group: `drain-stays:${id}`,
      kind: 'drain-stays',
      severity: 'warning',
      site,
      node: id,
      sinceMs: null,
      title: `${id} drains, and ${who} no other place`,
      many: 'nodes drain, and agents there have no other place',
      text: `${first}: ${why.text}.${helpOf(why.fix)}`,
      actions: [...actsOf(why.fix as FixSteps, first), openAgent(first), openNode(id)],
    },
  ];
}

export function agentTroubles(view: View, id: string, nowMs: number): Trouble[] {
  const row = view.agents.get(id);
  if (!row) return [];
  const { name } = row.spec;
  const troubles: Trouble[] = [];
  const { placement, unplaced } = row;
  const common = { site: null, agent: name };
  if (!placement && unplaced && nowMs - row.updatedMs >= settlingMs) {
    troubles.push({
      ...common,
      group: `agent-unplaced:${slug(wantsOf(row.spec), longestWants)}`,
      kind: 'agent-unplaced',
      severity: 'error',
      sinceMs: row.updatedMs,
      title: `${name} has no node: ${unplaced.text}`,
      many: 'agents have no node',
      text: helpOf(unplaced.fix).trimStart(),
      actions: [...actsOf(unplaced.fix as FixSteps, name), openAgent(name)],
    });
  }
  const observed = view.observed.get(id);
  if (placement && observed?.state === 'failed' && observed.node === placement.node) {
    const { reason = 'no reason given', code, model } = observed;
    troubles.push({
      ...common,
      // An older node reports words alone. The figures in them (free memory, the attempt) change while the trouble stays, so they are
      // replaced.
      group: `agent-failed:${slug(code === undefined ? reason.replace(/\d+([.,]\d+)?/g, 'n') : `${code} ${model ?? ''}`)}`,
      kind: 'agent-failed',
      ...(code === undefined ? {} : { code }),
      severity: 'error',
      node: placement.node,
      sinceMs: null,
      title: `${name} failed on ${placement.node}: ${reason}`,
      many: `agents failed: ${reason}`,
      text: 'The node tries the agent again. Check the events of the node, or the agent.',
      actions: [openAgent(name), openNode(placement.node)],
    });
  }
  const waiting = view.work.get(id)?.waiting.length ?? 0;
  if (waiting >= row.spec.queue) {
    troubles.push({
      ...common,
      group: 'queue-full',
      kind: 'queue-full',
      severity: 'warning',
      sinceMs: null,
      title: `The queue of ${name} is full: ${waiting === 1 ? '1 task waits' : `${waiting} tasks wait`}`,
      many: 'agents have a full queue',
      text: 'New tasks are refused. Raise its concurrency or queue, or ask it less.',
      actions: [
        { verb: 'open-queue', label: `Look at the queue of ${name}`, role: 'viewer', agent: name },
        openAgent(name),
      ],
    });
  }
  return troubles;
}

function helpOf(fix: FixSteps): string {
  return fix.length === 0 ? '' : ` Fix: ${fixInWords(fix as FixSteps)}.`;
}

/** One for each budget that is used up or comes to its end. */
function budgetTroubles(view: View): Trouble[] {
  const troubles: Trouble[] = [];
  for (const id of view.spending.keys()) {
    const account = accountOf(view, id);
    if (!account || view.keys.get(keyOfAccount(id) ?? '')?.revoked) continue;
    const budget = viewOf(view, account);
    const share = shareUsed(budget);
    if (share < lowShare) continue;
    const { of, name } = account;
    const used = `${budgetUseInWords(budget).join('; ')}; ${renewedInWords(budget)}.`;
    const isLow = share < 1;
    const kind = isLow ? 'budget-low' : 'budget-used-up';
    troubles.push({
      group: `${kind}:${id}`,
      kind,
      severity: isLow ? 'warning' : 'error',
      site: null,
      ...(of === 'agent' ? { agent: name } : {}),
      sinceMs: null,
      title: isLow
        ? `${Math.floor(share * 100)} % of the budget of the ${of} ${name} is used`
        : `The budget of the ${of} ${name} is used up`,
      many: isLow ? 'budgets come to their end' : 'budgets are used up',
      text: isLow ? used : `${used} ${stoppedWords(of, budget)}`,
      actions:
        of === 'agent'
          ? [{ verb: 'edit-agent', label: `Change the budget of ${name}`, role: 'operator', agent: name }]
          : [{ verb: 'open-keys', label: `Change the budget of ${name}`, role: 'admin' }],
    });
  }
  return troubles;
}
function stoppedWords(of: 'key' | 'agent', { tokens, usedTokens }: BudgetView): string {
  if (tokens !== null && usedTokens >= tokens)
    return of === 'key' ? 'What it asks is refused.' : 'Its tasks wait, and its triggers rest.';
  return of === 'key' ? 'Machines that cost nothing still answer it.' : 'It works only on machines that cost nothing.';
}

export function fleetTroubles(view: View, nowMs: number, deadLetters: number): Trouble[] {
  const troubles: Trouble[] = [
    ...budgetTroubles(view),
    ...backupTroubles(view, nowMs),
    ...restoreTroubles(view),
    ...objectTroubles(view),
  ];
  for (const { site, sinceMs, reason } of view.frozen) {
    troubles.push({
      group: `moves-frozen:${site === null ? 'fleet' : slug(site)}`,
      kind: 'moves-frozen',
      severity: 'error',
      site,
      sinceMs,
      title: `Agents are not moved ${site === null ? '' : `at ${site} `}for now`,
      many: 'freezes of moves',
      text: reason,
      actions: [
        site === null
          ? { verb: 'release-moves', label: 'Move agents now', role: 'operator' }
          : { verb: 'release-moves', label: `Move agents of ${site} now`, role: 'operator', site },
      ],
    });
  }
  if (deadLetters > 0) {
    troubles.push({
      group: 'dead-letters',
      kind: 'dead-letters',
      severity: 'warning',
      site: null,
      sinceMs: null,
      title: deadLetters === 1 ? '1 task failed' : `${deadLetters} tasks failed`,
      many: 'tasks failed',
      text:
        deadLetters === 1
          ? 'Its attempts or its time were used up. See why, and retry it if it still matters.'
          : 'Their attempts or their time were used up. See why, and retry those that still matter.',
      actions: [{ verb: 'open-dead-letters', label: deadLetters === 1 ? 'View task' : 'View tasks', role: 'viewer' }],
    });
  }
  let branches = 0;
  let oldestMs = Number.POSITIVE_INFINITY;
  for (const { receivedMs } of view.branches.values()) {
    if (nowMs - receivedMs < branchPatienceMs) continue;
    branches++;
    oldestMs = Math.min(oldestMs, receivedMs);
  }
  if (branches > 0) {
    troubles.push({
      group: 'branches-waiting',
      kind: 'branches-waiting',
      severity: 'info',
      site: null,
      sinceMs: oldestMs,
      title: branches === 1 ? 'A memory branch waits to be merged' : `${branches} memory branches wait to be merged`,
      many: 'memory branches wait to be merged',
      text: 'Memories that a replaced node had written are merged by the agent on its present node. The agent has no node, or its node has not merged them yet.',
      actions: [{ verb: 'open-branches', label: 'Look at them', role: 'viewer' }],
    });
  }
  return troubles;
}
