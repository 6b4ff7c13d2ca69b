// Rows of webhooks and of what waits for them.
import type { EventType } from '@blackroad/protocol';

interface AnyWebhook {
  readonly id: string;
  readonly space: string;
  /** Unique in its space. */
  readonly name: string;
  readonly createdMs: number;
  /** Who made it, as the audit names them. */
  readonly by: string;
  /** Missing: it works. */
  readonly paused?: { readonly atMs: number; readonly by: string };
}
export interface InWebhook extends AnyWebhook {
  readonly direction: 'in';
  readonly secretHash: string;
  /** The secret itself, where callers may sign with it; missing: they send it. */
  readonly signing?: string;
}
interface OutSecret {
  readonly text: string;
  /** Null: the present one. */
  readonly untilMs: number | null;
}
/** How the last try of any delivery went. */
export interface LastTry {
  readonly atMs: number;
  readonly ok: boolean;
  readonly status: number | null;
  readonly text: string;
  readonly event: string;
}
export interface OutWebhook extends AnyWebhook {
  readonly direction: 'out';
  readonly url: string;
  readonly events: readonly EventType[];
  /** Types that were added after it was made: an event of one counts where its number is above this. */
  readonly addedAfter?: { readonly [type: string]: number };
  /** What messages are signed with, the newest first. */
  readonly secrets: readonly OutSecret[];
  /** The number of the last event that is queued, or was left out. */
  readonly afterEvent: number;
  readonly delivered: number;
  readonly dropped: number;
  readonly last?: LastTry;
  /** When the first delivery was given up since one succeeded; missing: none was. */
  readonly failingSinceMs?: number;
}
export type WebhookRow = InWebhook | OutWebhook;

export interface DeliveryRow {
  /** The same in every try: a receiver that saw it knows it. */
  readonly id: string;
  /** The id of the webhook. */
  readonly webhook: string;
  /** Number and type of the event. */
  readonly number: number;
  readonly event: EventType;
  readonly text: string;
  /** As it is posted. */
  readonly body: string;
  readonly atMs: number;
  readonly tries: number;
  /** Null: it was given up. */
  readonly nextMs: number | null;
  readonly problem: string | null;
}
