// How a machine becomes a node: a join token judged by the coordinator's clock, a name made unique, a re-flashed machine that takes
// its old node back, renewal by proof of the key on record. Certificates are signed by the edge, after the decision is committed.
import { coordinatorName, isSlug, maxNodes, type ProblemCode, plainLatin } from '@blackroad/protocol';
import {
  allChanges,
  change,
  type Draft,
  decidedWith,
  nodeIn,
  noteAudit,
  noteEvent,
  openDraft,
  putNode,
} from '../draft.ts';
import { type Answer, type Decide, type Decision, type Inputs, type Policy, refuse } from '../input.ts';
import type { JoinTokenRow, NodeRow, View } from '../view.ts';
import { hardwareClash } from './hardware.ts';
import { reclaimSetting } from './nodes.ts';
import { quarantine } from './transitions.ts';

/** Names that brokers give rights of their own: in Mosquitto's file the coordinator is a user like any node. */
const reserved: readonly string[] = [coordinatorName, 'admin', 'anonymous'];

export const enrol: Decide<'enrol'> = (view, input, nowMs, policy) => {
  const draft = openDraft(view, nowMs);
  const token = view.tokens.get(input.tokenId) as JoinTokenRow | undefined;
  if (!token || token.secretHash !== input.secretHash)
    return refused(draft, 'token-unknown', input, `no join token ${input.tokenId.slice(0, 40)} with this secret`);
  if (token.revoked) return refused(draft, 'token-revoked', input, `join token ${token.id} was revoked`);
  const known = nodeByHardware(view, input.hardware);
  // Asked again after a crash between commit and answer: the same key on the same machine is the same enrolment, no use is spent.
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
      'class: cloud came; a node that costs money needs a token made for class cloud, this one is for any other';
    return refused(draft, 'not-allowed', input, text);
  }
  const row = known ? reclaim(draft, known, token, input, policy) : newNode(draft, token, input);
  if ('outcome' in row) return row;
  putNode(draft, row);
  change(draft, { type: 'token', row: { ...token, usesLeft: token.usesLeft - 1 } });
  const action = known ? 'node-reclaim' : 'node-enrol';
  noteAudit(draft, {
    actor: `token:${token.id}`,
    action,
    subject: row.id,
    text: `${row.class}, site ${row.site}, key ${row.keyFingerprint.slice(0, 16)}`,
  });
  noteEvent(draft, {
    node: row.id,
    type: action,
    severity: 'info',
    text: known ? `${row.id} was set up anew and took its old place back` : `${row.id} joined as ${row.class}`,
  });
  return welcome(draft, row, input, known !== undefined);
};

function nodeByHardware(view: View, hardware: string): NodeRow | undefined {
  const id = view.nodesByHardware.get(hardware);
  return id === undefined ? undefined : (view.nodes.get(id) as NodeRow | undefined);
}

type Refused = Decision<Answer<'enrol'>>;

function newNode(draft: Draft, token: JoinTokenRow, input: Inputs['enrol']): NodeRow | Refused {
  if (draft.view.nodes.size >= maxNodes)
    return refused(draft, 'fleet-full', input, `the fleet has ${maxNodes} nodes, its limit`);
  return {
    id: freeName(draft.view, input.name || input.class, input.suffixes),
    ...classOf(token, input),
    site: token.site,
    labels: token.labels,
    status: 'active',
    quarantineReason: '',
    hardware: input.hardware,
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
    boot: '',
    info: null,
  };
}

/** The machine is known by its hardware: it keeps its id, site, labels and agents, and gets a new key. */
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
    return refused(draft, 'reclaim-refused', input, `this machine is ${known.id}, which is online`, known.id);
  const allowedUntilMs = draft.view.settings.get(reclaimSetting(known.id));
  const allowed = typeof allowedUntilMs === 'number' && draft.nowMs <= allowedUntilMs;
  if (policy.reclaim === 'ask' && !allowed) {
    const text = `this machine is ${known.id}; a person must allow it to come back (release ${known.id}), then try again`;
    return refused(draft, 'reclaim-refused', input, text, known.id);
  }
  if (allowed) change(draft, { type: 'setting', key: reclaimSetting(known.id), value: null });
  const { classFixed: _, ...rest } = known;
  return {
    ...rest,
    ...classOf(token, input),
    keyFingerprint: input.keyFingerprint,
    certificateExpiresMs: input.certificateExpiresMs,
    simulated: input.simulated,
    // What the old installation says from now on is old.
    boot: '',
  };
}

function classOf(token: JoinTokenRow, input: Inputs['enrol']): Pick<NodeRow, 'class' | 'classFixed'> {
  return token.class === null ? { class: input.class } : { class: token.class, classFixed: true };
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

function refused(
  draft: Draft,
  code: ProblemCode,
  input: Inputs['enrol'],
  text: string,
  node: string | null = null,
): Refused {
  const who = `${input.name.slice(0, 63) || 'a machine'} (hardware ${input.hardware.slice(0, 16)})`;
  noteAudit(draft, {
    actor: `token:${input.tokenId.slice(0, 40)}`,
    action: 'enrol-refused',
    subject: node ?? input.hardware.slice(0, 16),
    text: `${code}: ${text}`,
  });
  noteEvent(draft, { node, type: 'enrol-refused', severity: 'warning', text: `${who} may not join: ${text}` });
  return { ...refuse(code, `${text}.`, allChanges(draft)), messages: draft.messages };
}

/** Lower case, what is not allowed becomes a dash, and never a name that is taken. */
export function freeName(view: View, wanted: string, suffixes: readonly string[]): string {
  const base =
    plainLatin(wanted)
      .split('.')[0]
      ?.replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 50)
      .replace(/-+$/, '') || 'node';
  const isFree = (name: string) => isSlug(name) && !reserved.includes(name) && !view.nodes.has(name);
  if (isFree(base)) return base;
  for (const suffix of suffixes) {
    const name = `${base}-${suffix}`;
    if (isFree(name)) return name;
  }
  let count = 2;
  while (!isFree(`${base}-${count}`)) count++;
  return `${base}-${count}`;
}

/** Also long after expiry: the key on record is the proof. */
export const renew: Decide<'renew'> = (view, input, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = nodeIn(draft, input.node);
  const say = (code: ProblemCode, text: string): Decision<Answer<'renew'>> => {
    noteAudit(draft, {
      actor: `node:${input.node}`,
      action: 'renew-refused',
      subject: input.node,
      text: `${code}: ${text}`,
    });
    return { ...refuse(code, `${text}.`, allChanges(draft)), messages: draft.messages };
  };
  if (!row) return say('no-such-node', `There is no node ${input.node}; it was forgotten or never joined`);
  if (row.status === 'quarantined') return say('node-quarantined', `${row.id} is quarantined: ${row.quarantineReason}`);
  if (row.keyFingerprint !== input.keyFingerprint)
    return say('key-unknown', `key: another key is on record for ${row.id}; join again with a token`);
  const clash = hardwareClash(view, row, input.hardware);
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
