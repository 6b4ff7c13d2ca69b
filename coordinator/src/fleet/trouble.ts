// One trouble that needs a person; equal ones are one alert.
import type { AlertAction, AlertKind } from '@blackroad/protocol';

export interface Trouble {
  /** The id of the alert that the trouble belongs to. */
  group: string;
  kind: AlertKind;
  /** Missing: the kind alone determines the trouble, or there are only words. */
  code?: string;
  severity: 'error' | 'warning' | 'info';
  site: string | null;
  node?: string;
  agent?: string;
  /** Null: the trouble began when it was first seen. */
  sinceMs: number | null;
  /** The title where the alert has only this trouble. */
  title: string;
  /** The title after the number of equal troubles: `nodes of home are lost`. */
  many: string;
  /** The effect of the trouble, and the remedy. */
  text: string;
  actions: AlertAction[];
}
