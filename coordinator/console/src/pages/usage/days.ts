// Days of usage as the API names them (UTC), and the bars drawn of them. Pure.
import type { Usage } from '@blackroad/protocol';

const dayMs = 86_400_000;
type Sums = Omit<Usage['rows'][number], 'key'>;
export interface DayBar extends Sums {
  day: string;
}
const figures = ['tokens', 'tasks', 'cost'] as const;
export type Figure = (typeof figures)[number];

export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
/** The first of so many days that end with the day of `nowMs`. */
export const firstDay = (nowMs: number, days: number): string => dayOf(nowMs - (days - 1) * dayMs);

/** One bar a day, also where nothing was done: a gap would look like a shorter time. */
export function barsOf({ from, to, rows }: Pick<Usage, 'from' | 'to' | 'rows'>): DayBar[] {
  const known = new Map(rows.map(({ key, ...sums }) => [key, sums]));
  const bars: DayBar[] = [];
  for (let ms = Date.parse(from); ms <= Date.parse(to); ms += dayMs) {
    const day = dayOf(ms);
    const sums = known.get(day) ?? {
      tasks: 0,
      failed: 0,
      promptTokens: 0,
      completionTokens: 0,
      costUsd: 0,
      cloudUsd: 0,
    };
    bars.push({ day, ...sums });
  }
  return bars;
}
export function figureOf(row: Sums, figure: Figure): number {
  if (figure === 'tokens') return row.promptTokens + row.completionTokens;
  return figure === 'tasks' ? row.tasks : row.costUsd;
}
/** `Tue 24 Nov`, of a UTC day. */
export function dayInWords(day: string): string {
  return new Date(`${day}T00:00:00Z`).toLocaleDateString('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    timeZone: 'UTC',
  });
}

const kinds = { small: 'small models', medium: 'medium ones', large: 'large ones', embed: 'vectors' } as const;
/** `at the list price of gpt-6-luna for small models ($0.1 read, $0.5 written), …`: a million tokens each. */
export function listPrices(reference: Usage['reference']): string {
  const each = reference.map(({ of, model, price }) =>
    of === 'embed'
      ? `${model} for ${kinds[of]} ($${price.read})`
      : `${model} for ${kinds[of]} ($${price.read} read, $${price.written} written)`,
  );
  return `at the list price of ${each.join(', ')}; a million tokens each`;
}
