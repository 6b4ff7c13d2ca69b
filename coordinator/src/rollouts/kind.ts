// A kind of rollout: who its subjects are, what the order to one of them is, how it is seen that the order was carried out, and the same for
// the way back. Everything else about a rollout (waves, gates, limits) is the same for all kinds.
import type { RolloutKind, RolloutRequest, RolloutWhat } from '@blackroad/protocol';
import type { Draft } from '../state/draft.ts';
import type { Policy } from '../state/input.ts';
import type { KnownRelease, RolloutRow, RolloutSubjectRow } from '../state/rollout-rows.ts';
import type { View } from '../state/view.ts';

/** What a subject had before. */
export type Before = Pick<RolloutSubjectRow, 'was' | 'wasLabels' | 'wasSpec' | 'balena'>;
/** `left`: a person changed it since, and it is not the rollout's any more. */
type Stand = 'there' | 'under-way' | { failed: string } | { left: string };

type Request<K extends RolloutKind> = Omit<RolloutRequest, 'what'> & { what: Extract<RolloutWhat, { kind: K }> };
export type RolloutOf<K extends RolloutKind> = Omit<RolloutRow, 'what'> & { what: Extract<RolloutWhat, { kind: K }> };

export interface Kind<K extends RolloutKind> {
  of: 'node' | 'agent';
  /** How long an order may take where the request does not say it. */
  patienceMs: number;
  /** The change itself takes the node away for longer than one may be silent: until its patience is over that is no loss of contact. */
  takesAway?: true;
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
  orderBack: (draft: Draft, rollout: RolloutOf<K>, subject: RolloutSubjectRow, policy: Policy) => RolloutSubjectRow;
  /** Whether it has what it had before. `draft`: with what this decision did. */
  isBack: (view: View, rollout: RolloutOf<K>, subject: RolloutSubjectRow) => boolean;
}
