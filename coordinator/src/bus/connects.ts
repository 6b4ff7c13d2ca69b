// How often a client may come: one that connects and is gone again costs a handshake and an event each time, and two with one name throw
// each other off. In: who was let in, and its client id. Out: how long it must wait, or that it need not.
import type { Clock } from '@blackroad/std/clock';
import { nameOfKey } from '../door/doorkeeper.ts';
import { createRate } from '../door/rate.ts';
import type { Who } from './rights.ts';

export interface ConnectLimits {
  /** Of one client, in a minute. */
  connects: number;
  /** Of all clients of one key, in a minute. */
  connectsPerKey: number;
}

/** Counts one; seconds until this client may come again, else 0. */
export function createConnects(clock: Clock, limits: ConnectLimits): (who: Who, clientId: string) => number {
  const clients = createRate(clock, limits.connects);
  const keys = createRate(clock, limits.connectsPerKey);
  return (who, clientId) =>
    who.as === 'node'
      ? clients.take(`node:${who.node}`)
      : Math.max(clients.take(`${nameOfKey(who.keyId)}/${clientId}`), keys.take(who.keyId));
}
