// Connections that have not proved yet who they are, counted by address, by subnet and in all. In: guests that enter, that wait for the
// coordinator, that let the coordinator wait, and that leave. Out: whether there is room; without room the guest of the same origin that
// has let the coordinator wait longest is cut off. One origin must never take the room of all others, and a guest that sends must never be
// refused for one that is silent.
import type { Origin } from './address.ts';

export interface CrowdLimits {
  perAddress: number;
  perSubnet: number;
  total: number;
}
export interface Guest extends Origin {
  /** Called after the guest has left the crowd. */
  cut(): void;
}
interface Group {
  /** Guests that the coordinator waits for, longest first. */
  idle: Set<Guest>;
  /** Guests that wait for the coordinator. */
  busy: Set<Guest>;
}

export interface Crowd {
  /** Adds a guest that the coordinator waits for. False: there is no room, and no guest of the same origin could be cut off. */
  enter(guest: Guest): boolean;
  /** The guest waits for the coordinator now; harmless for one that has left. */
  busy(guest: Guest): void;
  leave(guest: Guest): void;
  readonly size: number;
}

export function createCrowd(limits: CrowdLimits): Crowd {
  const all: Group = { idle: new Set(), busy: new Set() };
  const addresses = new Map<string, Group>();
  const subnets = new Map<string, Group>();
  const sizeOf = (group: Group) => group.idle.size + group.busy.size;

  function groupIn(groups: Map<string, Group>, key: string): Group {
    let group = groups.get(key);
    if (!group) {
      group = { idle: new Set(), busy: new Set() };
      groups.set(key, group);
    }
    return group;
  }
  function leave(guest: Guest): void {
    for (const [groups, key] of [
      [addresses, guest.address],
      [subnets, guest.subnet],
    ] as const) {
      const group = groups.get(key);
      if (!group) continue;
      group.idle.delete(guest);
      group.busy.delete(guest);
      if (sizeOf(group) === 0) groups.delete(key);
    }
    all.idle.delete(guest);
    all.busy.delete(guest);
  }
  function makeRoom(group: Group | undefined, limit: number): boolean {
    if (!group || sizeOf(group) < limit) return true;
    const [longest] = group.idle;
    if (!longest) return false;
    leave(longest);
    longest.cut();
    return true;
  }

  return {
    enter(guest) {
      const room =
        makeRoom(addresses.get(guest.address), limits.perAddress) &&
        makeRoom(subnets.get(guest.subnet), limits.perSubnet) &&
        makeRoom(all, limits.total);
      if (!room) return false;
      groupIn(addresses, guest.address).idle.add(guest);
      groupIn(subnets, guest.subnet).idle.add(guest);
      all.idle.add(guest);
      return true;
    },
    busy(guest) {
      if (!all.idle.delete(guest)) return;
      all.busy.add(guest);
      for (const group of [groupIn(addresses, guest.address), groupIn(subnets, guest.subnet)]) {
        group.idle.delete(guest);
        group.busy.add(guest);
      }
    },
    leave,
    get size() {
      return sizeOf(all);
    },
  };
}
