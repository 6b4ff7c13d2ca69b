// Join tokens, API keys, console sessions and the audit log. The edge makes and hashes secrets; the rows hold only the hashes.

import { maxSessions, mayDo, type Principal, type ProblemCode, type Role } from '@blackroad/protocol';
import { budgetChanged } from '../budgets/ledger.ts';
import { keyAccount } from '../state/account.ts';
import { refuse } from '../state/decision.ts';
import { change, decided, decidedWith, noteAudit, openDraft } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import type { JoinTokenRow, KeyRow, SessionRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import { principalOfSession } from './principals.ts';

export const createToken: Decide<'token-create'> = (view, { by, request, id, secretHash, balenaDevice }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const { uses = 1, expiresSeconds = 3600, class: className, site = 'home', labels = {} } = request;
  const row: JoinTokenRow = {
    id,
    space: by.space,
    secretHash,
    uses,
    usesLeft: uses,
    class: className ?? null,
    site,
    labels,
    expiresMs: nowMs + expiresSeconds * 1000,
    createdMs: nowMs,
    revoked: false,
    ...(balenaDevice === undefined ? {} : { balenaDevice }),
  };
  change(draft, { type: 'token', row });
  noteAudit(draft, by, 'token-create', { token: id, uses, class: className, site, seconds: expiresSeconds });
  return decidedWith(draft, row);
};

export const revokeToken: Decide<'token-revoke'> = (view, { by, id }, nowMs) => {
  const row = view.tokens.get(id);
  if (!row) return refuse('no-such-token', `There is no join token ${id}.`);
  const draft = openDraft(view, nowMs);
  if (!row.revoked) {
    change(draft, { type: 'token', row: { ...row, revoked: true } });
    noteAudit(draft, by, 'token-revoke', { token: id, usesLeft: row.usesLeft });
  }
  return decided(draft);
};

export const createKey: Decide<'key-create'> = (view, { by, row }, nowMs, { timeZone }) => {
  for (const other of view.keys.values()) {
    const { id, name } = other;
    if (id === row.id) return refuse('conflict', `There is a key ${id} already.`);
    if (name === row.name && isGood(other, nowMs))
      return refuse('conflict', `name: a key called ${name} exists (${id}); revoke it or choose another name.`);
  }
  const draft = openDraft(view, nowMs);
  change(draft, { type: 'key', row });
  const { id: key, name, role, expiresMs, budget } = row;
  budgetChanged(draft, keyAccount(key), budget, timeZone);
  noteAudit(draft, by, 'key-create', { key, name, role, expiresMs, ...(budget ? { budget } : {}) });
  return decided(draft);
};

export const setKeyBudget: Decide<'key-budget'> = (view, { by, id, budget }, nowMs, { timeZone }) => {
  const before = view.keys.get(id);
  if (!before) return refuse('no-such-key', `There is no key ${id}.`);
  if (before.revoked) return refuse('conflict', `The key ${before.name} is revoked.`);
  const draft = openDraft(view, nowMs);
  const { budget: was, ...rest } = before;
  if (JSON.stringify(was ?? null) === JSON.stringify(budget)) return decided(draft);
  change(draft, { type: 'key', row: budget ? { ...rest, budget } : rest });
  budgetChanged(draft, keyAccount(id), budget ?? undefined, timeZone);
  noteAudit(draft, by, 'key-budget', { key: id, name: before.name, was: was ?? null, budget });
  return decided(draft);
};

export const revokeKey: Decide<'key-revoke'> = (view, { by, id }, nowMs) => {
  const row = view.keys.get(id);
  if (!row) return refuse('no-such-key', `There is no key ${id}.`);
  if (!row.revoked && isLastAdmin(view, row))
    return refuse(
      'conflict',
      `${row.name} is the last key with the role admin: without it nobody could make another. Make a new key with the role admin first, then revoke this one.`,
    );
  const draft = openDraft(view, nowMs);
  if (!row.revoked) {
    change(draft, { type: 'key', row: { ...row, revoked: true } });
    for (const session of view.sessions.values())
      if (session.keyId === id) change(draft, { type: 'session-gone', id: session.id });
    noteAudit(draft, by, 'key-revoke', { key: id, name: row.name, role: row.role });
  }
  return decided(draft);
};

/** The valid key with this id and secret, for HTTP and for the broker. */
export function findKey(view: View, id: string, secretHash: string, nowMs: number): KeyRow | null {
  const row = view.keys.get(id);
  const fits = isSameHash(secretHash, row?.secretHash ?? '');
  return row && fits && isGood(row, nowMs) ? row : null;
}
/** Compares in the same time wherever the hashes differ: an early return would disclose how much of a hash was guessed. */
export function isSameHash(given: string, known: string): boolean {
  let difference = given.length ^ known.length;
  for (let i = 0; i < given.length; i++) difference |= given.charCodeAt(i) ^ known.charCodeAt(i);
  return difference === 0;
}

/** A key is valid when it is neither revoked nor past its end. */
export function isGood({ revoked, expiresMs }: KeyRow, nowMs: number): boolean {
  return !revoked && (expiresMs === undefined || nowMs < expiresMs);
}

/** Whether this key is the only one that can make keys without end: another key that ends is no replacement for it. */
export function isLastAdmin(view: View, { id, role, revoked }: KeyRow): boolean {
  const makesKeys = (held: Role) => mayDo([held], 'keys:write');
  if (!makesKeys(role) || revoked) return false;
  for (const other of view.keys.values())
    if (other.id !== id && makesKeys(other.role) && !other.revoked && other.expiresMs === undefined) return false;
  return true;
}

/**
 * Stores the time at which a key was last used, so that a person can find unused keys. Use of a key is no action: the audit has no row for
 * it.
 */
export const noteKeyUse: Decide<'key-used'> = (view, { id, atMs }, nowMs) => {
  const row = view.keys.get(id);
  const draft = openDraft(view, nowMs);
  if (row && !row.revoked && row.lastUsedMs !== atMs) change(draft, { type: 'key', row: { ...row, lastUsedMs: atMs } });
  return decided(draft);
};

/** Why a machine may not join with this token now; null: it may. */
export function tokenFault(view: View, id: string, secretHash: string, nowMs: number): ProblemCode | null {
  const token = view.tokens.get(id);
  if (!token || token.secretHash !== secretHash) return 'token-unknown';
  if (token.revoked) return 'token-revoked';
  if (nowMs > token.expiresMs) return 'token-expired';
  return token.usesLeft > 0 ? null : 'token-used-up';
}

export const recordAudit: Decide<'audit'> = (view, { by, action, params }, nowMs) => {
  const draft = openDraft(view, nowMs);
  noteAudit(draft, by, action, params);
  return decided(draft);
};

/** A session may be seen by its own key and by everyone with `sessions:write`. */
export function maySee(by: Principal, session: SessionRow): boolean {
  const isOwn = (by.kind === 'key' || by.kind === 'session') && session.keyId === by.id;
  return isOwn || mayDo(by.roles, 'sessions:write');
}

/** Opening a session also removes expired ones, and the oldest where there are too many: no timer does that. */
export const openSession: Decide<'session-open'> = (view, { row }, nowMs) => {
  const draft = openDraft(view, nowMs);
  let tooMany = view.sessions.size + 1 - maxSessions;
  for (const { id, expiresMs } of view.sessions.values()) {
    if (expiresMs > nowMs && tooMany <= 0) continue;
    change(draft, { type: 'session-gone', id });
    tooMany--;
  }
  change(draft, { type: 'session', row });
  noteAudit(draft, principalOfSession(row), 'sign-in', { name: row.name, address: row.address });
  return decided(draft);
};

export const closeSession: Decide<'session-close'> = (view, { by, id }, nowMs) => {
  const session = view.sessions.get(id);
  const draft = openDraft(view, nowMs);
  if (!session) return decided(draft);
  if (!maySee(by, session)) return refuse('no-such-session', 'There is no such session.');
  change(draft, { type: 'session-gone', id });
  noteAudit(draft, by, 'sign-out', { name: session.name, address: session.address });
  return decided(draft);
};
