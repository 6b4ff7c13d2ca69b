// `fleet agents explain` as a picture in text: one sentence, the scores of its node, how far behind the next nodes are and why, the
// refusals of each class of nodes, and the fix. In: the answer of the API. Out: text.
import { counted, type PlacementExplained } from '@blackroad/protocol';
import { type Calling, fixWithCommands } from './fix-words.ts';
import { bar, type Paint, table, wrapped } from './words.ts';

interface Screen {
  columns: number;
  paint: Paint;
}
interface HintingScreen extends Screen {
  as: Calling;
}
type Scored = NonNullable<PlacementExplained['here']>;
type Part = Scored['scores'][number];

const barCells = 10;

export function explainScreen(explained: PlacementExplained, { columns, paint, as }: HintingScreen): string {
  const { agent, node, text, pending, here, others, classes, unplaced } = explained;
  const blocks = [wrapped('', text, columns).replace(agent, () => paint('bold', agent))];
  if (pending !== null) blocks[0] += `\n${wrapped(paint('yellow', 'now: '), pending, columns)}`;
  if (unplaced !== null) {
    // For an agent without a node, the sentence above ends with these words already.
    const said = node === null ? [] : [wrapped(paint('red', 'not placed: '), unplaced.text, columns)];
    blocks.push(
      [...said, wrapped(paint('bold', 'to fix it: '), fixWithCommands(unplaced.fix, as), columns)].join('\n'),
    );
  }
  const best = here ?? others[0] ?? null;
  if (best !== null) blocks.push(scoresOf(best, others, { columns, paint }));
  const rest = others.filter((other) => other !== best);
  if (best !== null && rest.length > 0) blocks.push(othersBeside(best, rest, { columns, paint }));
  blocks.push(classesOf(classes, { columns, paint }));
  return blocks.join('\n\n');
}

function scoresOf(best: Scored, others: readonly Scored[], { columns, paint }: Screen): string {
  // A score that is 0 for all of these nodes gets no line of its own.
  const isSilent = ({ name }: Part) =>
    [best, ...others].every(({ scores }) => worth(scores.find((part) => part.name === name)) === 0);
  const silent = best.scores.filter(isSilent).map(({ name }) => name);
  const spoken = best.scores.filter((part) => !isSilent(part));
  const rows = spoken.map((part) => [
    `  ${part.name}`,
    bar(part.value, barCells),
    points(part).padStart(6),
    `of ${part.weight}`,
    part.text,
  ]);
  const head = `Why ${best.node}${best.isHere ? ', where it is' : ', which would be best'}: ${best.score.toFixed(1)} with ${best.model}`;
  const rest = silent.length > 0 ? `\n${paint('dim', `  no points anywhere: ${silent.join(', ')}`)}` : '';
  return `${head}\n${table(['  SCORE', '', 'POINTS', '', 'BECAUSE'], rows, columns, paint)}${rest}`;
}

/** The difference of each node from the best: the one score that differs most. */
function othersBeside(best: Scored, others: readonly Scored[], { columns, paint }: Screen): string {
  const rows = others.map((other) => {
    const gap = other.score - best.score;
    const part = mostDifferent(best, other);
    return [
      `  ${other.node}`,
      other.model,
      other.score.toFixed(1),
      signed(gap),
      part === null ? 'the same in everything; the first name wins' : `${part.name}: ${part.text}`,
    ];
  });
  return `Other nodes that would take it\n${table(['  NODE', 'MODEL', 'SCORE', 'GAP', 'MOSTLY BECAUSE'], rows, columns, paint)}`;
}
function mostDifferent(best: Scored, other: Scored): Part | null {
  let most: Part | null = null;
  let mostBy = 0.005;
  for (const part of other.scores) {
    const same = best.scores.find(({ name }) => name === part.name);
    const by = (worth(same) - worth(part)) * Math.sign(best.score - other.score || 1);
    if (by > mostBy) {
      most = part;
      mostBy = by;
    }
  }
  return most;
}
function classesOf(classes: PlacementExplained['classes'], { columns, paint }: Screen): string {
  if (classes.length === 0) return 'There is no node in the fleet.';
  const lines = classes.map(({ class: name, nodes, wouldTake, refused }) =>
    [
      `  ${name.padEnd(10)}${wouldTake.toLocaleString('en-US')} of ${counted(nodes, 'node')} would take it`,
      ...refused.map((each) => wrapped(`    ${paint('dim', `${each.nodes} by ${each.filter}:`)} `, each.text, columns)),
    ].join('\n'),
  );
  return ['Who would take it, and who not', ...lines].join('\n');
}

function worth(part: Part | undefined): number {
  return part === undefined ? 0 : part.value * part.weight;
}
function points(part: Part): string {
  return worth(part).toFixed(1);
}
function signed(gap: number): string {
  return gap > 0 ? `+${gap.toFixed(1)}` : gap.toFixed(1);
}
