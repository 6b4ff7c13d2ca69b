// Who is in which wave. In: the candidates, each of a group (its hardware class), and the waves that were asked for. Out: the candidates of
// each wave, in the order in which they are told; a wave that nobody is in is left out. Pure.
import type { RolloutWave } from '@blackroad/protocol';

export interface Member {
  id: string;
  name: string;
  /** The hardware class. */
  group: string;
  labels: Readonly<Record<string, string>>;
  away: boolean;
}

export const defaultWaves: readonly RolloutWave[] = [{ count: 1 }, { percent: 5 }, { percent: 25 }, { percent: 100 }];

/** `rest`: in no wave. */
export function wavesOf<M extends Member>(
  members: readonly M[],
  waves: readonly RolloutWave[],
): { waves: M[][]; rest: M[] } {
  // Who is here comes first: a wave of machines that are switched off proves nothing.
  const open = [...members].sort((a, b) => Number(a.away) - Number(b.away) || (a.name < b.name ? -1 : 1));
  const sizes = new Map<string, number>();
  for (const { group } of open) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  const taken = new Map<string, number>();
  const made: M[][] = [];
  let rest = open;
  for (const wave of waves) {
    const mine: M[] = [];
    const others: M[] = [];
    for (const member of rest) {
      const had = taken.get(member.group) ?? 0;
      const isIn = isNamed(wave, member) ?? had < targetOf(wave, sizes.get(member.group) ?? 0);
      if (isIn) taken.set(member.group, had + 1);
      (isIn ? mine : others).push(member);
    }
    if (mine.length > 0) made.push(mine);
    rest = others;
  }
  return { waves: made, rest };
}

/** Null: the wave counts. */
function isNamed({ labels, names }: RolloutWave, member: Member): boolean | null {
  if (names) return names.includes(member.name);
  if (labels) return Object.entries(labels).every(([name, value]) => member.labels[name] === value);
  return null;
}
/** How many of a group have the change after the wave. */
function targetOf({ count, percent = 0 }: RolloutWave, size: number): number {
  return count ?? Math.ceil((size * percent) / 100);
}
