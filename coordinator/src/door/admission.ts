// Lets a bounded number of connections into their TLS handshake at a time; the others wait. Subnets take turns, within a subnet addresses
// do, and of one address the newest connection is first: in a crowd the oldest have mostly given up, and a handshake for them is wasted.
// After a restart ten thousand nodes come at once, and a handshake that is begun and then starved costs its 3 ms again and again. In:
// guests whose ClientHello has arrived. Out: guests that are passed to `begin`; `release` must be called when the handshake has ended,
// whatever its result. A guest that is waited for loses its slot, not its connection: slots are for work.
import type { Clock } from '@blackroad/std/clock';
import type { Origin } from './address.ts';

interface AdmissionOptions<G extends Origin> {
  atOnce: number;
  /** A slot is passed on after this time, whether or not the handshake has ended. */
  slotMs: number;
  clock: Clock;
  begin: (guest: G) => void;
}
export interface Admission<G extends Origin> {
  offer(guest: G): void;
  /** The handshake has ended, or the guest has left. Harmless when repeated. */
  release(guest: G): void;
  stop(): void;
  readonly atWork: number;
  readonly waiting: number;
}

export function createAdmission<G extends Origin>(options: AdmissionOptions<G>): Admission<G> {
  const { atOnce, slotMs, clock, begin } = options;
  /** By subnet, then by address. The first one is next, and goes to the end after its turn. */
  const queues = new Map<string, Map<string, Set<G>>>();
  const slots = new Map<G, { cancel(): void }>();
  let waiting = 0;

  function start(guest: G): void {
    slots.set(
      guest,
      clock.after(slotMs, () => free(guest)),
    );
    begin(guest);
  }
  function free(guest: G): void {
    const timer = slots.get(guest);
    if (!timer) return;
    timer.cancel();
    slots.delete(guest);
    while (slots.size < atOnce) {
      const next = take();
      if (!next) return;
      start(next);
    }
  }
  function take(): G | null {
    const [first] = queues;
    if (!first) return null;
    const [subnet, addresses] = first;
    const [address, guests] = addresses.entries().next().value as [string, Set<G>];
    let newest: G | undefined;
    for (const guest of guests) newest = guest;
    remove(newest as G);
    if (addresses.delete(address) && guests.size > 0) addresses.set(address, guests);
    if (queues.delete(subnet) && addresses.size > 0) queues.set(subnet, addresses);
    return newest as G;
  }
  function remove(guest: G): boolean {
    const addresses = queues.get(guest.subnet);
    const guests = addresses?.get(guest.address);
    if (!addresses || !guests?.delete(guest)) return false;
    waiting--;
    if (guests.size === 0) addresses.delete(guest.address);
    if (addresses.size === 0) queues.delete(guest.subnet);
    return true;
  }

  return {
    offer(guest) {
      if (slots.size < atOnce) return start(guest);
      const addresses = queues.get(guest.subnet) ?? new Map<string, Set<G>>();
      const guests = addresses.get(guest.address) ?? new Set<G>();
      guests.add(guest);
      addresses.set(guest.address, guests);
      queues.set(guest.subnet, addresses);
      waiting++;
    },
    release(guest) {
      if (!remove(guest)) free(guest);
    },
    stop() {
      queues.clear();
      waiting = 0;
      for (const timer of slots.values()) timer.cancel();
      slots.clear();
    },
    get atWork() {
      return slots.size;
    },
    get waiting() {
      return waiting;
    },
  };
}
