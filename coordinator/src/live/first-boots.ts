// What Pis tell of their first starts, by the join token that each spoke with: the last report of each, in memory alone. The numbers of tokens, of
// Pis a token and of reports a minute have ceilings; the oldest makes room.
import {
  type FirstBootReport,
  type FirstBootView,
  FleetError,
  maxFirstBootReportsPerMinute,
  maxFirstBootsPerToken,
  maxFirstBootTokens,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';

interface OfToken {
  boards: Map<string, FirstBootView>;
  minuteFromMs: number;
  reports: number;
}
const minuteMs = 60_000;

export class FirstBoots {
  readonly #clock: Clock;
  readonly #tokens = new Map<string, OfToken>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws FleetError `rate-limited` */
  note(token: string, report: FirstBootReport): void {
    const nowMs = this.#clock.monotonicMs();
    const own = this.#tokens.get(token) ?? { boards: new Map(), minuteFromMs: nowMs, reports: 0 };
    if (nowMs - own.minuteFromMs >= minuteMs) Object.assign(own, { minuteFromMs: nowMs, reports: 0 });
    if (++own.reports > maxFirstBootReportsPerMinute) {
      const detail = `Join token ${token} told of first starts ${maxFirstBootReportsPerMinute} times within a minute.`;
      throw new FleetError('rate-limited', { detail, retryAfterSeconds: minuteMs / 1000 });
    }
    putLast(own.boards, report.board, { ...report, atMs: this.#clock.nowMs() }, maxFirstBootsPerToken);
    putLast(this.#tokens, token, own, maxFirstBootTokens);
  }

  /** The newest first. */
  of(token: string): FirstBootView[] {
    return [...(this.#tokens.get(token)?.boards.values() ?? [])].reverse();
  }
}

function putLast<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}
