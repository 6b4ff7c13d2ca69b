// `fleet plan` as a short screen: the verdict in one line, the nodes that change, the models to fetch or load, the unplaced agents with
// what would place them, the agents that move. In: the request and the answer of the API. Out: text.
import { counted, type WhatIfPlan } from '@blackroad/protocol';
import { planCaveats, planInWords } from '@blackroad/protocol/plan-words';
import { type Calling, fixWithCommands } from './fix-words.ts';
import { bar, bytes, type Paint, table, wrapped } from './words.ts';

interface Screen {
  columns: number;
  paint: Paint;
}
interface HintingScreen extends Screen {
  as: Calling;
}
type NodeChange = WhatIfPlan['nodes'][number];

/** More rows are for --json: a screen must stay short enough to read. */
const maxRows = 12;

export function planScreen(plan: WhatIfPlan, { columns, paint, as }: HintingScreen): string {
  const blocks = [
    `${wrapped('', planInWords(plan), columns)}\n${paint('dim', wrapped('', planCaveats(plan), columns))}`,
  ];
  if (plan.nodes.length > 0) blocks.push(nodeBlock(plan.nodes, { columns, paint }));
  const steps = plan.models.filter(({ step }) => step !== 'keep');
  if (steps.length > 0) blocks.push(modelBlock(steps, { columns, paint }));
  if (plan.unplaced.length > 0) blocks.push(unplacedBlock(plan.unplaced, { columns, paint, as }));
  const moves = plan.moves.filter(({ from }) => from !== null);
  if (moves.length > 0) blocks.push(moveBlock(moves, plan.moved + plan.displaced, { columns, paint }));
  return blocks.join('\n\n');
}

function nodeBlock(nodes: readonly NodeChange[], { columns, paint }: Screen): string {
  const isWide = columns >= 100;
  const rows = nodes
    .slice(0, maxRows)
    .map((node) => [
      `  ${node.node}`,
      ...(isWide ? [node.class, node.site] : []),
      node.lost ? `${node.before.agents} → gone` : `${node.before.agents} → ${node.after.agents}`,
      memoryBar(node, isWide ? 20 : 10, paint),
      modelChange(node),
    ]);
  const head = ['  NODE', ...(isWide ? ['CLASS', 'SITE'] : []), 'AGENTS', 'MEMORY OF MODELS', 'MODELS IN USE'];
  return `Nodes that change\n${table(head, rows, columns, paint)}${more(nodes.length, 'node')}`;
}
/** Memory that stays is drawn solid, memory that is added or freed is drawn light. */
function memoryBar({ before, after, memoryTotalBytes: total, lost }: NodeChange, cells: number, paint: Paint): string {
  if (lost)
    return paint('red', `${'×'.repeat(cells)}${before.memoryBytes > 0 ? ` ${bytes(before.memoryBytes)} lost` : ''}`);
  if (total === 0) return '-';
  const gib = (count: number) => (count / 1024 ** 3).toFixed(1);
  const [from, to] = [gib(before.memoryBytes), gib(after.memoryBytes)];
  const figures = `${from === to ? to : `${from} → ${to}`} of ${gib(total)} GiB`;
  return `${bar(before.memoryBytes / total, cells, after.memoryBytes / total)} ${figures}`;
}
function modelChange({ before, after, lost }: NodeChange): string {
  if (lost) return before.models.join(', ') || '-';
  const words = after.models.map((name) => (before.models.includes(name) ? name : `+ ${name}`));
  for (const name of before.models) if (!after.models.includes(name)) words.push(`- ${name}`);
  return words.join(', ') || '-';
}

function modelBlock(steps: WhatIfPlan['models'], { columns, paint }: Screen): string {
  const rows = steps
    .slice(0, maxRows)
    .map(({ step, model, node, agents }) => [
      `  ${step}`,
      model,
      node,
      agents > 0 ? `for ${counted(agents, 'agent')}` : 'nobody uses it',
    ]);
  return `Models\n${table(['  STEP', 'MODEL', 'NODE', 'WHY'], rows, columns, paint)}${more(steps.length, 'step')}`;
}
function unplacedBlock(groups: WhatIfPlan['unplaced'], { columns, paint, as }: HintingScreen): string {
  const lines = groups
    .slice(0, maxRows)
    .map(({ agents, example, text, fix }) =>
      [
        wrapped(
          paint('red', `  ${agents === 1 ? example : `${counted(agents, 'agent')} (${example}, ...)`}: `),
          text,
          columns,
        ),
        wrapped(`    ${paint('bold', 'to fix it:')} `, fixWithCommands(fix, as), columns),
      ].join('\n'),
    );
  return `No place for\n${lines.join('\n')}${more(groups.length, 'reason')}`;
}
function moveBlock(moves: WhatIfPlan['moves'], all: number, { columns, paint }: Screen): string {
  const rows = moves
    .slice(0, maxRows)
    .map(({ agent, from, to, model }) => [`  ${agent}`, from ?? '-', to ?? paint('red', 'nowhere'), model ?? '-']);
  const head = moves.some(({ to }) => to === null) ? 'Agents that move or lose their place' : 'Agents that move';
  return `${head}\n${table(['  AGENT', 'FROM', 'TO', 'WITH'], rows, columns, paint)}${more(Math.max(all, moves.length), 'agent')}`;
}
function more(all: number, noun: string): string {
  return all > maxRows ? `\n  ... and ${counted(all - maxRows, `more ${noun}`)} (--json prints them)` : '';
}
