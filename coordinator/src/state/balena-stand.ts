// What balena last said of its fleets, and which device is which node, in the view: the plans and steps of rollouts read it. Not stored:
// balena is asked again after a start.

export interface BalenaRelease {
  readonly id: number;
  /** Its version, or the beginning of its commit. */
  readonly name: string;
  readonly commit: string;
}
interface BalenaFleetRow {
  readonly slug: string;
  /** The release that its devices without a pin follow. */
  readonly tracks: BalenaRelease | null;
  /** The newest first. */
  readonly releases: readonly BalenaRelease[];
}
export interface BalenaDeviceRow {
  readonly id: number;
  readonly uuid: string;
  readonly fleet: string;
  readonly name: string;
  readonly type: string;
  readonly isOnline: boolean;
  /** What it does, in words. */
  readonly status: string;
  readonly release: BalenaRelease | null;
  readonly pinned: BalenaRelease | null;
  /** The node that its tag names. */
  readonly tag: string | null;
  /** Whether it has a variable with a join token. */
  readonly hasToken: boolean;
}
/** All of it, as one look at balena found it. */
export interface BalenaFound {
  readonly askedMs: number;
  readonly fleets: readonly BalenaFleetRow[];
  readonly devices: readonly BalenaDeviceRow[];
}
export interface BalenaStand {
  readonly askedMs: number;
  readonly fleets: readonly BalenaFleetRow[];
  readonly devices: ReadonlyMap<string, BalenaDeviceRow>;
  /** The device of a node, or why it has none that can be told for sure. */
  readonly ofNode: ReadonlyMap<string, { device: string } | { why: string }>;
  readonly nodeOf: ReadonlyMap<string, string>;
  /** Why it cannot be told which node a device is, by device. */
  readonly unclear: ReadonlyMap<string, string>;
  /** Devices that were pinned after this look at them: what it shows of them is of before. */
  readonly pinned: ReadonlySet<string>;
}

/** An order to pin one device, and what it is for. */
export interface BalenaPin {
  readonly rollout: string;
  readonly node: string;
  readonly device: string;
  readonly release: { readonly id: number; readonly name: string };
}
/** What became of it; `trouble`: balena did not take it, and is asked again. */
export interface BalenaPinTold extends BalenaPin {
  readonly outcome: 'pinned' | 'refused' | 'trouble';
  readonly text: string;
}
