// A checker: one invariant of docs/invariants.md, watched from outside. In: commits, messages and actions, as they happen. Out: a broken
// claim, in words. A checker uses only its own observations; it never calls the code that it checks to find out what is right.
import type { Decoded } from '@blackroad/protocol';
import type { Coordinator } from '../../coordinator/src/road/coordinator.ts';
import type { DurableChange } from '../../coordinator/src/state/change.ts';
import type { Asked, Run } from './clients.ts';
import type { Ledger } from './ledger.ts';
import type { Machine } from './machine.ts';
import type { Admission } from './network.ts';
import type { World } from './world.ts';

export interface Checker {
  /** The name in docs/invariants.md. */
  readonly name: string;
  /** The number of cases that it has judged. */
  exercised: number;
  /** A durable change, in its commit, before it is applied to `stored`. */
  committing?(change: DurableChange, batch: readonly DurableChange[]): void;
  /** Called after a whole commit. */
  committed?(changes: readonly DurableChange[]): void;
  /** Called for each message that the coordinator passes to the broker. */
  told?(message: Decoded): void;
  /** Called for each message that the coordinator receives. */
  heard?(message: Decoded, node: string | null): void;
  /** Called for each message that a node passes to the network. */
  said?(message: Decoded, machine: Machine): void;
  /** Called when a turn sends its first request to a model. */
  asked?(prompt: string, machine: Machine): void;
  /** Called for each message of the coordinator that a node receives. */
  delivered?(machine: Machine): void;
  /** Called when the broker admits a node. */
  admitted?(connection: Admission): void;
  /** Called before the disk of a machine is removed. */
  exchanging?(machine: Machine): void;
  /** Called when a request of a program has ended. */
  requestEnded?(asked: Asked): void;
  /** Called when a model begins to work on something, in the worlds that have programs. */
  workBegan?(run: Run): void;
  /** Called when a coordinator process has started. */
  started?(coordinator: Coordinator): void;
  /** Called every virtual second. */
  looked?(): void;
  /** Called after the faults ended and the fleet is at rest. */
  rested?(): void;
}
export interface Watched {
  readonly world: World;
  /** The content of the store, folded from the commits. */
  readonly stored: Ledger;
  broke(name: string, text: string): void;
}
export type MakeChecker = (watched: Watched) => Checker;
