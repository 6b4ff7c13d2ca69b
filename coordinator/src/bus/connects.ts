// The number of connections that a client may make: each costs a handshake and an event, and two clients with one name disconnect each
// other. In: an accepted client and its id. Out: the time that it must wait, or none.
import type { Clock } from '@blackroad/std/clock';
import { nameOfKey } from '../door/doorkeeper.ts';
import { createRate } from '../door/rate.ts';
import type { Who } from './rights.ts';

export interface ConnectLimits {
  /** Connections of one client in a minute. */
  connects: number;
  /** Connections of all clients of one key in a minute. */
  connectsPerKey: number;
}

/** Counts one connection; the seconds until this client may connect again, else 0. */
export function createConnects(clock: Clock, limits: ConnectLimits): (who: Who, clientId: string) => number {
  const clients = createRate(clock, limits.connects);
  const keys = createRate(clock, limits.connectsPerKey);
  return (who, clientId) =>
    who.as === 'node'
      ? clients.take(`node:${who.node}`)
      : Math.max(clients.take(`${nameOfKey(who.keyId)}/${clientId}`), keys.take(who.keyId));
}
