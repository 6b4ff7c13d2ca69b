// What the SDK throws, in the words of the coordinator: whether it helps to ask again, and when.
import { systemClock as clock } from '@blackroad/std/clock';
import type { BalenaSDK } from 'balena-sdk';
import type { BalenaFaultTold } from '../../coordinator/src/balena/wire.ts';

const maxText = 300;

export function asFault(errors: BalenaSDK['errors'], error: unknown, maxRetryAfterS: number): BalenaFaultTold {
  const said = String((error as Error).message)
    .replace(/\s+/g, ' ')
    .slice(0, maxText);
  const is = (...kinds: (keyof typeof errors)[]) => kinds.some((kind) => error instanceof errors[kind]);
  // Nothing in these changes by itself.
  if (is('BalenaDeviceNotFound', 'BalenaReleaseNotFound', 'BalenaApplicationNotFound', 'BalenaAmbiguousRelease'))
    return { kind: 'refused', text: `balena says: ${said}`, retryAfterS: 0 };
  // The messages of these may hold the token.
  if (is('BalenaNotLoggedIn', 'BalenaExpiredToken', 'BalenaMalformedToken'))
    return { kind: 'credentials', text: 'the token for balena is not good, or has ended', retryAfterS: 0 };
  if (!(error instanceof errors.BalenaRequestError))
    return { kind: 'network', text: `the request to balena failed: ${said}`, retryAfterS: 0 };
  const { statusCode, responseHeaders } = error;
  const retryAfterS = secondsIn(responseHeaders?.get('retry-after') ?? null, maxRetryAfterS);
  if (statusCode === 401) return { kind: 'credentials', text: 'balena does not take the token (401)', retryAfterS };
  if (statusCode === 403)
    return { kind: 'credentials', text: 'the token may not do that at balena (403)', retryAfterS };
  if (statusCode === 429) return { kind: 'busy', text: 'balena asks for fewer requests (429)', retryAfterS };
  if (statusCode >= 500 || statusCode === 408)
    return { kind: 'failed', text: `balena has a fault of its own (${statusCode})`, retryAfterS };
  return { kind: 'refused', text: `balena refuses it (${statusCode}): ${said}`, retryAfterS };
}

/** Seconds or a date [RFC 9110 10.2.3]; 0: none that can be read. */
function secondsIn(text: string | null, most: number): number {
  if (text === null) return 0;
  const seconds = /^\d+$/.test(text.trim()) ? Number(text) : (Date.parse(text) - clock.nowMs()) / 1000;
  return Number.isFinite(seconds) ? Math.min(most, Math.max(0, Math.ceil(seconds))) : 0;
}
