// What a checker is: one invariant of docs/invariants.md, watched from outside. In: what was committed, told, heard and done, as it
// happens. Out: a claim that broke, in words. A checker believes only what it saw; it never asks the code it judges whether it is right.
import type { Decoded } from '@blackroad/protocol';
import type { Coordinator } from '../../coordinator/src/road/coordinator.ts';
import type { DurableChange } from '../../coordinator/src/state/change.ts';
import type { Ledger } from './ledger.ts';
import type { Machine } from './machine.ts';
import type { Admission } from './network.ts';
import type { World } from './world.ts';

export interface Checker {
  /** Of docs/invariants.md. */
  readonly name: string;
  /** How often it had something to judge. */
  exercised: number;
  /** A durable change, in its commit, before it is applied to `stored`. */
  committing?(change: DurableChange, batch: readonly DurableChange[]): void;
  /** After a whole commit. */
  committed?(changes: readonly DurableChange[]): void;
  /** The coordinator hands this to the broker. */
  told?(message: Decoded): void;
  /** The coordinator gets this. */
  heard?(message: Decoded, node: string | null): void;
  /** A node hands this to the network. */
  said?(message: Decoded, machine: Machine): void;
  /** A turn asks its model for the first time. */
  asked?(prompt: string, machine: Machine): void;
  /** A node gets something from the coordinator. */
  delivered?(machine: Machine): void;
  /** The broker lets a node in. */
  admitted?(connection: Admission): void;
  /** The disk of a machine is about to go away. */
  exchanging?(machine: Machine): void;
  /** A coordinator process began. */
  started?(coordinator: Coordinator): void;
  /** Every virtual second. */
  looked?(): void;
  /** After the faults ended and all came to rest. */
  rested?(): void;
}
export interface Watched {
  readonly world: World;
  /** What the store holds, folded from the commits. */
  readonly stored: Ledger;
  broke(name: string, text: string): void;
}
export type MakeChecker = (watched: Watched) => Checker;
