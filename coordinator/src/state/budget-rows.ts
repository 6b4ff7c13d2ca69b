// The rows of budgets: what is used of each, and what is set aside for work under way. Both are stored.
import type { Budget } from '@blackroad/protocol';

/** How much a key or an agent has used of its budget in the present period. It exists as long as the budget does. */
export interface SpendingRow {
  /** `key:<id>` or `agent:<id>`. */
  readonly account: string;
  readonly per: Budget['per'];
  /** The end of the period; null: it has none. */
  readonly untilMs: number | null;
  /** The period and the day of the next one in words, by the time zone in which the period began. */
  readonly period: string;
  readonly renewed: string | null;
  readonly tokens: number;
  readonly usd: number;
  /** Its triggers are taken off its node, because the budget stops its work. */
  readonly stopped?: true;
}
/** The part of budgets that is set aside for one piece of work that is under way. */
export interface ReservationRow {
  /** The id of the task, or of one attempt of the gateway. */
  readonly id: string;
  readonly accounts: readonly string[];
  readonly tokens: number;
  readonly usd: number;
  /** The attempt of the task; missing: a request of the gateway. */
  readonly attempt?: number;
}
