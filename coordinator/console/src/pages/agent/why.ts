// A placement explained, as a picture needs it: scores as points, beside the same of other nodes. Pure.
import type { NodeScore, PlacementExplained } from '@blackroad/protocol';

type Part = NodeScore['scores'][number];
export interface ScoreRow {
  name: string;
  weight: number;
  /** One for each node, in their order; null where a node has no such score. */
  cells: ({ points: number; share: number; text: string } | null)[];
  /** The nodes differ in it: it has a part in the decision. */
  decides: boolean;
}
const pointsOf = (part: Part | undefined) => (part === undefined ? 0 : part.value * part.weight);
const little = 0.05;

/** The node that has it or would get it, and the others behind. */
export function candidates({ here, others }: Pick<PlacementExplained, 'here' | 'others'>): NodeScore[] {
  return here ? [here, ...others] : others;
}

/** What decides comes first, the largest difference on top. */
export function scoreRows(nodes: readonly NodeScore[]): ScoreRow[] {
  const names = [...new Set(nodes.flatMap(({ scores }) => scores.map(({ name }) => name)))];
  const spreadOf = ({ cells }: ScoreRow) => {
    const points = cells.map((cell) => cell?.points ?? 0);
    return Math.max(...points) - Math.min(...points);
  };
  return names
    .map((name): ScoreRow => {
      const parts = nodes.map(({ scores }) => scores.find((part) => part.name === name));
      const row: ScoreRow = {
        name,
        weight: Math.max(...parts.map((part) => part?.weight ?? 0)),
        cells: parts
          .map((part) => part && { points: pointsOf(part), share: part.value, text: part.text })
          .map((c) => c ?? null),
        decides: false,
      };
      return { ...row, decides: spreadOf(row) > little };
    })
    .sort((a, b) => spreadOf(b) - spreadOf(a));
}

/** The one score that sets a node most apart from the first one, for it or against it. */
export function mostly(first: NodeScore, other: NodeScore): Part | null {
  const side = Math.sign(first.score - other.score) || 1;
  let most: Part | null = null;
  let mostBy = little;
  for (const part of other.scores) {
    const by = (pointsOf(first.scores.find(({ name }) => name === part.name)) - pointsOf(part)) * side;
    if (by > mostBy) {
      most = part;
      mostBy = by;
    }
  }
  return most;
}
