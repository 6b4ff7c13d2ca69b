// A kind of rollout: who its subjects are, what the order to one of them is, how it is seen that the order was carried out, and the same for
// the way back. Everything else about a rollout (waves, gates, limits) is the same for all kinds.
import type { RolloutKind, RolloutRequest, RolloutWhat } from '@blackroad/protocol';
import type { Draft } from '../state/draft.ts';
import type { Policy } from '../state/input.ts';
import type { KnownRelease, RolloutRow, RolloutSubjectRow } from '../state/rollout-rows.ts';
import type { View } from '../state/view.ts';
import type { Restarts } from './restarts.ts';

/** What a subject had before. */
export type Before = Pick<RolloutSubjectRow, 'was' | 'wasLabels' | 'wasSpec' | 'balena'>;
/**
 * `held`: it did what it was told, and its next order waits for its turn. `left`: a person changed it since, and it is not the rollout's any
 * more.
 */
type Stand = 'there' | 'under-way' | 'held' | { failed: string } | { left: string };
/** What an order waits for, in a word and in words. */
export interface Wait {
  for: 'window' | 'nodes';
  why: string;
}
export interface Now {
  view: View;
  /** The machines that restart now, or may still begin to, with what the present decision ordered. */
  restarts: () => Restarts;
  nowMs: number;
  timeZone: Policy['timeZone'];
}

type Request<K extends RolloutKind> = Omit<RolloutRequest, 'what'> & { what: Extract<RolloutWhat, { kind: K }> };
export type RolloutOf<K extends RolloutKind> = Omit<RolloutRow, 'what'> & { what: Extract<RolloutWhat, { kind: K }> };

interface WayForth<K extends RolloutKind> {
  of: 'node' | 'agent';
  /** How long an order may take where the request does not say it. */
  patienceMs: number;
  /** The change itself takes the node away for longer than one may be silent: until its patience is over that is no loss of contact. */
  takesAway?: (subject: RolloutSubjectRow) => boolean;
  words: (what: Extract<RolloutWhat, { kind: K }>) => string;
  /** What speaks against the request as a whole; null: nothing. */
  fault: (view: View, request: Request<K>, subjects: number) => string | null;
  /** What the node or agent has now, or why it is left out. */
  before: (view: View, request: Request<K>, id: string) => Before | { why: string };
  /** The releases that the rollout has to keep. */
  releases?: (view: View, request: Request<K>, was: ReadonlySet<string>) => KnownRelease[];
  /** Gives the order, also once more; returns the subject with what is to be remembered. */
  order: (draft: Draft, rollout: RolloutOf<K>, subject: RolloutSubjectRow, policy: Policy) => RolloutSubjectRow;
  stand: (view: View, rollout: RolloutOf<K>, subject: RolloutSubjectRow) => Stand;
  /** Of an order that follows the first one, or repeats it: what it waits for; null: it may be given now. */
  waitsFor?: (now: Now, rollout: RolloutOf<K>, subject: RolloutSubjectRow) => Wait | null;
}
export interface WayBack<K extends RolloutKind> {
  orderBack: (draft: Draft, rollout: RolloutOf<K>, subject: RolloutSubjectRow, policy: Policy) => RolloutSubjectRow;
  /** Whether it has what it had before. `draft`: with what this decision did. */
  isBack: (view: View, rollout: RolloutOf<K>, subject: RolloutSubjectRow) => boolean;
}
interface NoWayBack {
  /** Why what was done stays, in words. A red gate then stops the rollout, and nothing of it is taken back. */
  noWayBack: string;
}
export type Kind<K extends RolloutKind> = WayForth<K> & (WayBack<K> | NoWayBack);
