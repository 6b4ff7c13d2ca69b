// Access to the coordinator: API keys, one-time sign-in codes and console sessions. Keys and sessions are in the store as SHA-256 of their
// secret, so that a restart signs nobody out; codes are in memory, bounded, as SHA-256 too. The revocation of a key ends the sessions and
// codes that were made with it. No secret is returned twice.
import {
  type Budget,
  coordinatorSelf,
  defaultSpace,
  FleetError,
  mayDo,
  type Principal,
  type Role,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { sha256Hex } from '@blackroad/std/sha256';
import { findKey, isGood } from '../fleet/access.ts';
import { principalOfKey, principalOfSession } from '../fleet/principals.ts';
import type { Coordinator } from '../road/coordinator.ts';
import type { KeyRow } from '../state/rows.ts';

export const sessionMs = 12 * 3600_000;
export const codeMs = 10 * 60_000;
/** Codes are made by signed-in admins; the bound only stops a faulty loop. The oldest one is dropped first. */
const maxCodes = 100;
/** The least interval at which the use of a key is stored: a program may ask every second. */
const useWriteMs = 60_000;

interface Code {
  caller: Principal;
  expiresMs: number;
}

/** The parts of `brk_<id>_<secret>`; null when the text is no key. */
function readKey(text: string): { id: string; secret: string } | null {
  const match = /^brk_([a-z0-9]{1,40})_([0-9a-f]{32,128})$/.exec(text);
  return match ? { id: match[1] as string, secret: match[2] as string } : null;
}
/** A new key: the text that is shown once, and the row to store. `lifeMs`: how long it is valid; missing: for ever. */
export function mintKey(
  {
    name,
    role,
    space,
    lifeMs,
    budget,
  }: { name: string; role: Role; space: string; lifeMs?: number | undefined; budget?: Budget | undefined },
  nowMs: number,
  random: Random,
): { text: string; row: KeyRow } {
  const id = random.hex(5);
  const secret = random.hex(32);
  return {
    text: `brk_${id}_${secret}`,
    row: {
      id,
      space,
      name,
      role,
      secretHash: sha256Hex(secret),
      createdMs: nowMs,
      revoked: false,
      ...(lifeMs === undefined ? {} : { expiresMs: nowMs + lifeMs }),
      ...(budget === undefined ? {} : { budget }),
    },
  };
}

/** Makes the first admin key when there is none, and returns its text once; null otherwise. */
export async function ensureFirstAdmin(coordinator: Coordinator, clock: Clock, random: Random): Promise<string | null> {
  for (const row of coordinator.view.keys.values()) if (mayDo([row.role], 'keys:write') && !row.revoked) return null;
  const { text, row } = mintKey({ name: 'admin', role: 'admin', space: defaultSpace }, clock.nowMs(), random);
  const outcome = await coordinator.submit('key-create', { by: coordinatorSelf, row });
  if (!outcome.ok) throw new FleetError(outcome.code, outcome.details);
  return text;
}

export interface Access {
  /** Notes the use of a key, by itself or through a session that was signed in with it. */
  used(keyId: string): void;
  /** The principal of this key, or null. */
  byKey(text: string): Principal | null;
  /** The principal of this session, or null. The key is checked again, so that a revoked key ends its sessions at once. */
  bySession(token: string): Principal | null;
  /** Whether a caller that was accepted before still would be (long-lived streams check again). */
  stillIn(caller: Principal, token: string | null): boolean;
  /** A one-time code for the console, 128 bits, ten minutes. */
  makeCode(by: Principal): { code: string; expiresMs: number };
  /** Exchanges a code (used up by this) or a key for a session; null when neither fits. */
  signIn(codeOrKey: string, address: string): Promise<{ token: string; caller: Principal } | null>;
  signOut(token: string, by: Principal): Promise<void>;
  lastUsedMs(keyId: string): number | null;
}

export function createAccess(coordinator: Coordinator, clock: Clock, random: Random): Access {
  const { view } = coordinator;
  const codes = new Map<string, Code>();
  const lastUsed = new Map<string, number>();
  const writtenMs = new Map<string, number>();

  function keepCode(hash: string, code: Code) {
    const now = clock.nowMs();
    for (const [key, { expiresMs }] of codes) if (expiresMs <= now) codes.delete(key);
    while (codes.size >= maxCodes) codes.delete(codes.keys().next().value as string);
    codes.set(hash, code);
  }
  function keyStands(keyId: string | null): boolean {
    if (keyId === null) return true;
    const row = view.keys.get(keyId);
    return row !== undefined && isGood(row, clock.nowMs());
  }
  const access: Access = {
    used(keyId) {
      const nowMs = clock.nowMs();
      lastUsed.set(keyId, nowMs);
      const written = writtenMs.get(keyId) ?? view.keys.get(keyId)?.lastUsedMs;
      // A clock that was set back is a reason to store it too.
      if (written !== undefined && Math.abs(nowMs - written) < useWriteMs) return;
      writtenMs.set(keyId, nowMs);
      coordinator.submit('key-used', { id: keyId, atMs: nowMs }).catch(() => writtenMs.delete(keyId)); // it is stored at the next use
    },
    byKey(text) {
      const parts = readKey(text);
      const row = parts && findKey(view, parts.id, sha256Hex(parts.secret), clock.nowMs());
      if (!row) return null;
      access.used(row.id);
      return principalOfKey(row);
    },
    bySession(token) {
      const session = view.sessions.get(sha256Hex(token));
      // Expired sessions are deleted when the next one is opened.
      if (!session || session.expiresMs <= clock.nowMs() || !keyStands(session.keyId)) return null;
      if (session.keyId !== null) access.used(session.keyId);
      return principalOfSession(session);
    },
    stillIn: (caller, token) => (token === null ? keyStands(caller.id) : access.bySession(token) !== null),
    makeCode(by) {
      const code = `brc_${random.hex(16)}`;
      const expiresMs = clock.nowMs() + codeMs;
      keepCode(sha256Hex(code), { caller: { ...by, kind: 'session' }, expiresMs });
      return { code, expiresMs };
    },
    async signIn(codeOrKey, address) {
      let caller = access.byKey(codeOrKey);
      if (!caller) {
        const hash = sha256Hex(codeOrKey);
        const code = codes.get(hash);
        codes.delete(hash);
        if (code && code.expiresMs > clock.nowMs() && keyStands(code.caller.id)) caller = code.caller;
      }
      if (!caller) return null;
      const token = random.hex(32);
      const { name, space, roles, id: keyId } = caller;
      const createdMs = clock.nowMs();
      const row = {
        id: sha256Hex(token),
        space,
        name,
        roles,
        keyId,
        createdMs,
        expiresMs: createdMs + sessionMs,
        address,
      };
      const outcome = await coordinator.submit('session-open', { row });
      if (!outcome.ok) throw new FleetError(outcome.code, outcome.details);
      return { token, caller: { ...caller, kind: 'session' } };
    },
    async signOut(token, by) {
      // The token decides: its session counts, whichever key was sent with it.
      await coordinator.submit('session-close', { by: access.bySession(token) ?? by, id: sha256Hex(token) });
    },
    lastUsedMs: (keyId) => lastUsed.get(keyId) ?? view.keys.get(keyId)?.lastUsedMs ?? null,
  };
  return access;
}
