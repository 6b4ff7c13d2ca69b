// What the coordinator and the process of the balena workspace tell each other. Types alone: that process loads nothing of the coordinator.
import type { SentLine } from '@blackroad/std/sent-log';
import type { BalenaFound } from '../state/balena-stand.ts';

export interface BalenaSettings {
  apiUrl: string;
  token: string;
  fleets: readonly string[];
  /** Most devices of all fleets together, and releases of each. */
  maxDevices: number;
  maxReleases: number;
  /** Longest time that balena may ask to be left alone, seconds. */
  maxRetryAfterS: number;
}

export interface BalenaAnswers {
  /** Its devices come before, page by page. */
  look: Pick<BalenaFound, 'fleets'>;
  pin: null;
  prepare: null;
}
export type BalenaCall =
  | { call: 'look' }
  | { call: 'pin'; device: string; release: number }
  /** `device`: its number at balena. Variables first, then the tag: a tag alone says nothing that is not so. */
  | { call: 'prepare'; device: number; variables: Readonly<Record<string, string>>; tag: string };

/**
 * `refused`: balena will not do it, also when asked again. `credentials`: the token is not good, or may not do it. Else balena is asked
 * again later.
 */
export type BalenaFaultKind = 'refused' | 'credentials' | 'busy' | 'failed' | 'network' | 'late';
export interface BalenaFaultTold {
  kind: BalenaFaultKind;
  text: string;
  /** 0: it did not say. */
  retryAfterS: number;
}

export type ToBalena = { settings: BalenaSettings } | ({ id: number } & BalenaCall);
/** `devices`: a page of a look, before its value: one message of ten megabytes would hold up the coordinator's loop. */
export type FromBalena =
  | SentLine
  | { id: number; devices: BalenaFound['devices'] }
  | { id: number; value: unknown }
  | { id: number; fault: BalenaFaultTold };
