// Sign-in and its credentials: sessions, one-time codes, API keys, join tokens. A secret is in one answer only and stored as a hash.
import { type Budget, FleetError, type Principal, writeJoinToken } from '@blackroad/protocol';
import { sha256Hex } from '@blackroad/std/sha256';
import { budgetOf } from '../budgets/books.ts';
import { isLastAdmin, maySee } from '../fleet/access.ts';
import { budgetFaults, classFaults } from '../fleet/spec-faults.ts';
import { mintKey, sessionMs } from '../http/access.ts';
import type { ApiContext } from '../http/context.ts';
import { clearSession, sessionToken, setSession } from '../http/cookie.ts';
import { refuseStranger } from '../http/guard.ts';
import { accepted, type Handlers, refuseFaults, shown } from '../http/handler.ts';
import { installCommand } from '../http/installer.ts';
import { machinePrincipal } from '../http/machines.ts';
import { ownLimits } from '../http/own-limits.ts';
import { joinUrl, networkUrl } from '../http/reach.ts';
import { showKey, shownSessionId, showSession, showToken } from '../live/show.ts';
import { keyAccount } from '../state/account.ts';
import type { KeyRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';

function shownKey(row: KeyRow, view: View, lastUsedMs: number | null) {
  return showKey(row, lastUsedMs, isLastAdmin(view, row), budgetOf(view, keyAccount(row.id)));
}
async function withBudget({ coordinator, access }: ApiContext, by: Principal, id: string, budget: Budget | null) {
  accepted(await coordinator.submit('key-budget', { by, id, budget }));
  const { view } = coordinator;
  return shownKey(view.keys.get(id) as KeyRow, view, access.lastUsedMs(id));
}

export const keyHandlers = {
  async signIn({ context, body, request, reply, listener }) {
    const signedIn = await context.access.signIn(body.code.trim(), request.ip);
    if (!signedIn) {
      const detail =
        'This code or key does not work. A one-time code works once, within ten minutes; an API key works until it is revoked. On the machine of the coordinator, "bin/fleet console" prints a new link.';
      throw refuseStranger(context, request, 'sign-in', new FleetError('not-signed-in', { detail }));
    }
    const { caller, token } = signedIn;
    setSession(request, reply, token, sessionMs / 1000, listener);
    return caller;
  },
  async signOut({ context, by, request, reply, listener }) {
    const token = sessionToken(request);
    if (token) await context.access.signOut(token, by);
    clearSession(request, reply, listener);
  },
  me: ({ by }) => by,
  ownLimits: ({ context, by, request }) => ownLimits(context, by, request.ip),
  sessions({ context, by, request }) {
    const token = sessionToken(request);
    const own = token === null ? null : sha256Hex(token);
    const nowMs = context.clock.nowMs();
    return Array.from(context.coordinator.view.sessions.values())
      .filter((row) => row.expiresMs > nowMs && maySee(by, row))
      .map((row) => showSession(row, row.id === own));
  },
  async sessionEnd({ context, params, by }) {
    for (const row of context.coordinator.view.sessions.values()) {
      if (shownSessionId(row.id) !== params.id || !maySee(by, row)) continue;
      accepted(await context.coordinator.submit('session-close', { by, id: row.id }));
      return;
    }
    throw new FleetError('no-such-session', { detail: `There is no session "${params.id}".` });
  },
  async signInCode({ context, by, request, listener }) {
    accepted(await context.coordinator.submit('audit', { by, action: 'sign-in-code', params: { name: by.name } }));
    const { code, expiresMs } = context.access.makeCode(by);
    const network = networkUrl(context, request, listener);
    return {
      code,
      expiresMs,
      url: `${request.protocol}://${request.host}/#code=${code}`,
      networkUrl: network === null ? null : `${network}/#code=${code}`,
    };
  },

  keys: ({ context: { coordinator, access } }) =>
    Array.from(coordinator.view.keys.values(), (row) => shownKey(row, coordinator.view, access.lastUsedMs(row.id))),
  async keyCreate({ context, body, by }) {
    const lifeMs = body.expiresSeconds === undefined ? undefined : body.expiresSeconds * 1000;
    refuseFaults(budgetFaults(body.budget));
    const { text, row } = mintKey(
      { name: body.name, role: body.role, space: by.space, lifeMs, budget: body.budget },
      context.clock.nowMs(),
      context.random,
    );
    accepted(await context.coordinator.submit('key-create', { by, row }));
    return { ...shownKey(row, context.coordinator.view, null), key: text };
  },
  keyBudget({ context, params: { id }, body, by }) {
    refuseFaults(budgetFaults(body));
    return withBudget(context, by, id, body);
  },
  keyBudgetRemove: ({ context, params: { id }, by }) => withBudget(context, by, id, null),
  async keyRevoke({ context, params, by }) {
    const { view } = context.coordinator;
    if (!view.keys.has(params.id)) throw new FleetError('no-such-key', { detail: `There is no key "${params.id}".` });
    accepted(await context.coordinator.submit('key-revoke', { by, id: params.id }));
  },

  joinTokens: ({ context: { coordinator } }) => Array.from(coordinator.view.tokens.values(), showToken),
  async joinTokenCreate({ context, body, by, request, listener }) {
    const { coordinator, ca, random, settings } = context;
    if (body.class !== undefined) refuseFaults(classFaults(coordinator.view, body.class, 'class'));
    const url = joinUrl(context, body.address, request, listener);
    const id = random.hex(6);
    const secret = random.hex(16);
    const order = { by, request: body, id, secretHash: sha256Hex(secret) };
    const row = accepted(await coordinator.submit('token-create', order));
    const token = writeJoinToken({ id, secret, url, ca: ca.fingerprint });
    return { ...showToken(row), token, command: installCommand(settings.installer, url, token) };
  },
  async joinTokenRevoke({ context, params, by }) {
    const { view } = context.coordinator;
    const detail = `There is no join token "${params.id}".`;
    if (!view.tokens.has(params.id)) throw new FleetError('no-such-token', { detail });
    accepted(await context.coordinator.submit('token-revoke', { by, id: params.id }));
    shown(view.tokens.get(params.id) ?? null);
  },

  firstBoots({ context: { coordinator, firstBoots }, params: { id } }) {
    if (!coordinator.view.tokens.has(id))
      throw new FleetError('no-such-token', { detail: `There is no join token "${id}".` });
    return firstBoots.of(id);
  },
  firstBootSaid({ context, body, request }) {
    const machine = machinePrincipal(request.machine);
    if (machine?.kind !== 'token')
      throw new FleetError('not-allowed', {
        detail: 'A Raspberry Pi in its first start says this, with its join token.',
      });
    context.firstBoots.note(machine.name, body);
  },
} satisfies Partial<Handlers>;
