// Balena devices as nodes, or as nodes-to-be: what each is, by what name, and what an import would do. Pure.
import { type BalenaDevice, type BalenaDevices, type BalenaView, maxBalenaShown } from '@blackroad/protocol';
import { baseName, firstFreeName } from '../fleet/node-names.ts';
import type { BalenaDeviceRow, BalenaStand } from '../state/balena-stand.ts';
import type { JoinTokenRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';

export function showBalenaFleets({ balena }: View, slugs: readonly string[]): BalenaView['fleets'] {
  return slugs.map((fleet) => {
    const row = balena?.fleets.find(({ slug }) => slug === fleet);
    const devices = balena ? devicesIn(balena, fleet) : [];
    return {
      fleet,
      devices: devices.length,
      nodes: devices.filter(({ uuid }) => balena?.nodeOf.has(uuid)).length,
      tracks: row?.tracks?.name ?? null,
      releases: (row?.releases ?? []).slice(0, maxBalenaShown).map(({ name }) => name),
    };
  });
}
function devicesIn({ devices }: BalenaStand, fleet: string): BalenaDeviceRow[] {
  return [...devices.values()].filter((device) => device.fleet === fleet);
}

export function showBalenaDevices(view: View, balena: BalenaStand, fleet: string, nowMs: number): BalenaDevices {
  const tracks = balena.fleets.find(({ slug }) => slug === fleet)?.tracks?.name ?? null;
  const standing = standingOf(view, balena, nowMs);
  const devices = devicesIn(balena, fleet).map((row): BalenaDevice => {
    const { uuid: device, name, type, isOnline, status, release, pinned } = row;
    const shown = { device, name, type, isOnline, status };
    return { ...shown, release: release?.name ?? null, pinned: pinned?.name ?? null, ...standing(row) };
  });
  return { fleet, tracks, askedMs: balena.askedMs, devices };
}

type Standing = Pick<BalenaDevice, 'state' | 'node' | 'why'>;
/** Says of one device after the other which node it is, or by what name it would be one: no name twice. */
export function standingOf(view: View, balena: BalenaStand, nowMs: number): (row: BalenaDeviceRow) => Standing {
  const waiting = new Map<string, JoinTokenRow>();
  for (const token of view.tokens.values())
    if (token.balenaDevice !== undefined && isWaiting(token, nowMs)) waiting.set(token.balenaDevice, token);
  const taken = new Set<string>();
  const given = new Set<string>();
  // A name that an import gave stays with its device.
  for (const { tag, uuid } of balena.devices.values()) if (tag !== null && !balena.nodeOf.has(uuid)) taken.add(tag);
  return (row) => {
    const node = balena.nodeOf.get(row.uuid);
    if (node !== undefined) return { state: 'node', node };
    // Two devices may be tagged alike by hand: the first has the name.
    const isOwn = row.tag !== null && row.tag === baseName(row.tag) && !given.has(row.tag) && !view.nodes.has(row.tag);
    const name = isOwn
      ? (row.tag as string)
      : firstFreeName(row.name, (each) => !view.nodes.has(each) && !taken.has(each));
    given.add(name);
    taken.add(name);
    const why = balena.unclear.get(row.uuid);
    if (why !== undefined) return { state: 'unclear', node: name, why };
    const isExpected = waiting.has(row.uuid) && row.hasToken;
    return { state: isExpected ? 'expected' : 'new', node: name };
  };
}

/** Whether the token may still be used. */
function isWaiting({ revoked, usesLeft, expiresMs }: JoinTokenRow, nowMs: number): boolean {
  return !revoked && usesLeft > 0 && nowMs <= expiresMs;
}
