// Enrolment of a machine as a node: a join token checked by the coordinator's clock, a name made unique, a re-flashed machine that gets its
// old node again, and renewal by proof of the key on record. The edge signs certificates after the decision is committed.
import { maxLabels, maxNodes, type ProblemCode } from '@blackroad/protocol';
import { type Decision, refuse } from '../state/decision.ts';
import {
  allChanges,
  change,
  type Draft,
  decidedWith,
  noteAudit,
  noteEvent,
  openDraft,
  putNode,
} from '../state/draft.ts';
import type { Answer, Decide, Inputs, Policy } from '../state/input.ts';
import type { JoinTokenRow, NodeRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import { asSaid, hardwareClash } from './hardware.ts';
import { baseName, freeName, isNamedAfter } from './node-names.ts';
import { quarantine } from './transitions.ts';

export const enrol: Decide<'enrol'> = (view, input, nowMs, policy) => {
  const draft = openDraft(view, nowMs);
  const token = view.tokens.get(input.tokenId);
  if (!token || token.secretHash !== input.secretHash)
    return refused(draft, 'token-unknown', input, `no join token ${input.tokenId.slice(0, 40)} with this secret`);
  if (token.revoked) return refused(draft, 'token-revoked', input, `join token ${token.id} was revoked`);
  const known = nodeByHardware(view, input.hardware);
  // A request repeated after a crash between commit and answer: the same key on the same machine is the same enrolment, and uses up
  // nothing.
  if (known && known.keyFingerprint === input.keyFingerprint && known.status === 'active') {
    putNode(draft, { ...known, certificateExpiresMs: input.certificateExpiresMs });
    return welcome(draft, known, input, false);
  }
  if (nowMs > token.expiresMs) {
    const seconds = Math.round((nowMs - token.expiresMs) / 1000);
    return refused(draft, 'token-expired', input, `join token ${token.id} expired ${seconds} s ago`);
  }
  if (token.usesLeft <= 0)
    return refused(draft, 'token-used-up', input, `join token ${token.id} had ${token.uses} uses, all taken`);
  if (input.class === 'cloud' && token.class === null) {
    const text =
      'class: got cloud; a node that costs money needs a token made for class cloud, this one is for any other';
    return refused(draft, 'not-allowed', input, text);
  }
  const row = known ? reclaim(draft, known, token, input, policy) : newNode(draft, token, input);
  if ('outcome' in row) return row;
  putNode(draft, row);
  change(draft, { type: 'token', row: { ...token, usesLeft: token.usesLeft - 1 } });
  noteAudit(draft, { kind: 'token', name: token.id }, known ? 'node-reclaim' : 'node-enrol', {
    node: row.id,
    class: row.class,
    site: row.site,
    key: row.keyFingerprint.slice(0, 16),
  });
  if (known) noteEvent(draft, 'node-reclaim', { node: row.id });
  else noteEvent(draft, 'node-enrol', { node: row.id, class: row.class });
  return welcome(draft, row, input, known !== undefined);
};

function nodeByHardware(view: View, hardware: string): NodeRow | undefined {
  const id = view.nodesByHardware.get(hardware);
  return id === undefined ? undefined : view.nodes.get(id);
}

type Refused = Decision<Answer<'enrol'>>;

function newNode(draft: Draft, token: JoinTokenRow, input: Inputs['enrol']): NodeRow | Refused {
  if (draft.view.nodes.size >= maxNodes)
    return refused(draft, 'fleet-full', input, `the fleet has ${maxNodes} nodes, its limit`);
  const labels = { ...input.labels, ...token.labels };
  if (Object.keys(labels).length > maxLabels)
    return refused(
      draft,
      'invalid-request',
      input,
      `labels: expected at most ${maxLabels} with those of the join token`,
    );
  return {
    id: freeName(draft.view, input.name || input.class, input.suffixes),
    ...classOf(token, input),
    site: token.site,
    labels,
    ...deviceOf(token),
    status: 'active',
    quarantineReason: '',
    hardware: input.hardware,
    ...(input.machine === undefined ? {} : { machine: input.machine }),
    keyFingerprint: input.keyFingerprint,
    certificateExpiresMs: input.certificateExpiresMs,
    enrolledMs: draft.nowMs,
    simulated: input.simulated,
    cordoned: false,
    draining: false,
    generation: 0,
    presence: 'never',
    presenceSinceMs: draft.nowMs,
    presenceReason: 'enrolled, not heard of yet',
    presenceCause: 'enrolled',
    boot: '',
    info: null,
  };
}

/** A machine that is known by its hardware keeps its node's id, site, labels and agents, and gets a new key. */
function reclaim(
  draft: Draft,
  known: NodeRow,
  token: JoinTokenRow,
  input: Inputs['enrol'],
  policy: Policy,
): NodeRow | Refused {
  if (known.status === 'quarantined')
    return refused(
      draft,
      'node-quarantined',
      input,
      `this machine is ${known.id}: ${known.quarantineReason}`,
      known.id,
    );
  if (known.presence === 'online')
    return refused(
      draft,
      'reclaim-refused',
      input,
      input.isWeak ? looksLike(known.id, 'online') : `this machine is ${known.id}, which is online`,
      known.id,
    );
  const allowed = known.reclaimUntilMs !== undefined && draft.nowMs <= known.reclaimUntilMs;
  if (policy.reclaim === 'ask' && !allowed) {
    const text = `this machine is ${known.id}; a person must allow it to come back (release ${known.id}), then try again`;
    return refused(draft, 'reclaim-refused', input, text, known.id);
  }
  const doubt = input.isWeak && !allowed ? doubtOf(draft, known, input.name) : null;
  if (doubt !== null) return refused(draft, 'reclaim-refused', input, looksLike(known.id, doubt), known.id);
  const { classFixed: _, reclaimUntilMs: __, balenaDevice: ___, ...rest } = known;
  return {
    ...asSaid(rest, input),
    ...deviceOf(token),
    ...classOf(token, input),
    keyFingerprint: input.keyFingerprint,
    certificateExpiresMs: input.certificateExpiresMs,
    simulated: input.simulated,
    // Without a boot id every message of the old installation counts as old.
    boot: '',
  };
}

/** A running node was last heard within this time. */
const livesMs = 10 * 60_000;
/**
 * Why a machine may be another one than this node, although its hardware looks the same, as that of a copied image does; null: no sign of
 * that.
 */
function doubtOf({ view, nowMs }: Draft, known: NodeRow, name: string): string | null {
  if (!isNamedAfter(known.id, name)) return `by another name than ${baseName(name)}`;
  if (known.presence === 'never') return 'and has not connected yet';
  const seenMs = view.live.get(known.id)?.lastSeenMs ?? known.presenceSinceMs;
  return known.presence === 'suspect' || nowMs - seenMs < livesMs
    ? 'and was connected within the last 10 minutes'
    : null;
}
function looksLike(node: string, doubt: string): string {
  const own = 'an empty data folder in a container, a new /etc/machine-id elsewhere';
  return `this machine looks like ${node}, which is enrolled ${doubt}: made from the same image? If it is another one, give it an id of its own (${own}); if it is ${node} set up anew, allow that first (fleet nodes release ${node}); then try again`;
}

function classOf(token: JoinTokenRow, input: Inputs['enrol']): Pick<NodeRow, 'class' | 'classFixed'> {
  return token.class === null ? { class: input.class } : { class: token.class, classFixed: true };
}

/** A token for one balena device makes its node that device, whatever others say. */
function deviceOf({ balenaDevice }: JoinTokenRow): Pick<NodeRow, 'balenaDevice'> {
  return balenaDevice === undefined ? {} : { balenaDevice };
}

function welcome(
  draft: Draft,
  row: NodeRow,
  { certificateExpiresMs }: Inputs['enrol'],
  reclaimed: boolean,
): Decision<Answer<'enrol'>> {
  const { id: node, class: nodeClass, classFixed, site } = row;
  const fixed = classFixed ? { classFixed } : {};
  return decidedWith(draft, { node, class: nodeClass, ...fixed, site, reclaimed, certificateExpiresMs });
}

function refused(draft: Draft, code: ProblemCode, input: Inputs['enrol'], text: string, node?: string): Refused {
  const name = input.name.slice(0, 63);
  const hardware = input.hardware.slice(0, 16);
  const why = { node, hardware, code, problem: text };
  noteAudit(draft, { kind: 'token', name: input.tokenId.slice(0, 40) }, 'enrol-refused', why);
  noteEvent(draft, 'enrol-refused', { ...why, name });
  return { ...refuse(code, `${text}.`, allChanges(draft)), messages: draft.messages };
}

/** Renews a certificate also long after its end: the key on record is the proof. */
export const renew: Decide<'renew'> = (view, input, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = draft.nodes.get(input.node);
  const say = (code: ProblemCode, text: string): Decision<Answer<'renew'>> => {
    const why = { node: input.node, code, problem: text };
    noteAudit(draft, { kind: 'node', name: input.node }, 'renew-refused', why);
    return { ...refuse(code, `${text}.`, allChanges(draft)), messages: draft.messages };
  };
  if (!row) return say('no-such-node', `There is no node ${input.node}; it was forgotten or never joined`);
  if (row.status === 'quarantined') return say('node-quarantined', `${row.id} is quarantined: ${row.quarantineReason}`);
  if (row.keyFingerprint !== input.keyFingerprint)
    return say('key-unknown', `key: another key is on record for ${row.id}; join again with a token`);
  const clash = hardwareClash(view, row, input);
  if (clash !== null && input.unproven)
    return say(
      'key-unknown',
      `hardware: another is on record for ${row.id}, and the request does not prove who sends it`,
    );
  if (clash !== null) {
    quarantine(draft, row, clash);
    return say('node-quarantined', `${row.id} is quarantined now: ${clash}`);
  }
  const { certificateExpiresMs } = input;
  putNode(draft, { ...row, certificateExpiresMs });
  return decidedWith(draft, { node: row.id, class: row.class, site: row.site, certificateExpiresMs });
};
