// What a caller may still ask and use, for itself to read: as an answer, and as the headers that clients of OpenAI's and Anthropic's APIs
// know. In: a caller. Out: its rate and its budget. Nothing of others is in it.
import { maxModelRequestsPerKey, type OwnLimits, type Principal } from '@blackroad/protocol';
import { budgetOf } from '../budgets/books.ts';
import { nameOfKey } from '../door/doorkeeper.ts';
import { keyAccount } from '../state/account.ts';
import type { ApiContext } from './context.ts';

type Around = Pick<ApiContext, 'coordinator' | 'doorkeeper' | 'clock'>;

/** The name under which the doorkeeper counts the caller: both doors count a key together. */
export function rateName(caller: Principal | null, address: string): string {
  if (!caller) return `address:${address}`;
  const { kind, id, name } = caller;
  return kind === 'key' && id !== null ? nameOfKey(id) : `${kind}:${id}:${name}`;
}

export function ownLimits({ coordinator, doorkeeper }: Around, caller: Principal, address: string): OwnLimits {
  const { requests, resetMs } = doorkeeper.left(rateName(caller, address));
  const isOfKey = (caller.kind === 'key' || caller.kind === 'session') && caller.id !== null;
  return {
    budget: isOfKey ? budgetOf(coordinator.view, keyAccount(caller.id as string)) : null,
    requestsPerMinute: doorkeeper.requestsPerMinute,
    requestsLeft: requests,
    resetMs,
    requestsAtOnce: maxModelRequestsPerKey,
  };
}

/** Both forms at once: a client reads its own. Tokens are told where the budget limits them. */
export function limitHeaders(around: Around, caller: Principal, address: string): Record<string, string> {
  const { budget, requestsPerMinute, requestsLeft, resetMs } = ownLimits(around, caller, address);
  const nowMs = around.clock.nowMs();
  const at = (ms: number) => new Date(nowMs + ms).toISOString();
  const headers: Record<string, string> = {
    'x-ratelimit-limit-requests': String(requestsPerMinute),
    'x-ratelimit-remaining-requests': String(requestsLeft),
    'x-ratelimit-reset-requests': spanOf(resetMs),
    'anthropic-ratelimit-requests-limit': String(requestsPerMinute),
    'anthropic-ratelimit-requests-remaining': String(requestsLeft),
    'anthropic-ratelimit-requests-reset': at(resetMs),
  };
  if (budget?.tokens == null) return headers;
  const left = String(Math.max(0, budget.tokens - budget.usedTokens - budget.reservedTokens));
  for (const name of ['x-ratelimit-limit-tokens', 'anthropic-ratelimit-tokens-limit'])
    headers[name] = String(budget.tokens);
  for (const name of ['x-ratelimit-remaining-tokens', 'anthropic-ratelimit-tokens-remaining']) headers[name] = left;
  // A budget that is never renewed has no such time.
  if (budget.renewsMs === null) return headers;
  const untilMs = Math.max(0, budget.renewsMs - nowMs);
  headers['x-ratelimit-reset-tokens'] = spanOf(untilMs);
  headers['anthropic-ratelimit-tokens-reset'] = at(untilMs);
  return headers;
}

/** `1h2m3s`, `59s`, `7ms`: as OpenAI writes a time until then. */
function spanOf(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds % 60}s`;
}
