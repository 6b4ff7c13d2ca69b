// The parts of a plan in words: agents without a place with their fixes, models to fetch or load, agents that move.
import type { WhatIfPlan } from '@blackroad/protocol';
import { fixInWords } from '@blackroad/protocol/fix-words';
import { Link } from '@tanstack/react-router';
import { Fixes } from '../../fleet/fixes.tsx';
import type { Column } from '../../kit/columns.ts';
import { Panel } from '../../kit/layout.tsx';
import { Glyph, Status } from '../../kit/status.tsx';
import { VirtualTable } from '../../kit/virtual-table.tsx';
import { count, plural } from '../../kit/words.ts';

type Move = WhatIfPlan['moves'][number];
type Step = WhatIfPlan['models'][number];

interface NoPlaceProps {
  groups: WhatIfPlan['unplaced'];
  title: string;
  /** They are nowhere now, and not in a plan: what helps can be done. */
  isReal?: boolean;
}
export function NoPlace({ groups, title, isReal = false }: NoPlaceProps) {
  return (
    <Panel title={title} bare>
      <ul className="placement-rows">
        {groups.map(({ agents, example, text, fix }) => (
          <li key={example}>
            <Glyph shape="ring" tone="warn" />
            <div className="grow">
              <p>
                <strong>{agents === 1 ? '' : `${plural(agents, 'agent')}: `}</strong>
                <Link to="/agents/$agent" params={{ agent: example }}>
                  {example}
                </Link>
                {agents > 1 && ' and others'}: {text}
              </p>
              {isReal ? (
                <Fixes lead="What helps:" steps={fix} agent={example} />
              ) : (
                <p className="dim">
                  <strong>What helps:</strong> {fixInWords(fix)}
                </p>
              )}
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

const stepWords: Record<Step['step'], [of: string, word: string]> = {
  pull: ['hydrating', 'fetched, then loaded'],
  load: ['starting', 'loaded'],
  unload: ['cancelled', 'unloaded'],
  keep: ['ready', 'kept'],
};
const stepColumns: Column<Step>[] = [
  { id: 'model', title: 'Model', width: 150, value: ({ model }) => model },
  {
    id: 'node',
    title: 'Node',
    width: 120,
    phone: true,
    value: ({ node }) => node,
    cell: ({ node }) => (
      <Link to="/nodes/$node" params={{ node }}>
        {node}
      </Link>
    ),
  },
  {
    id: 'step',
    title: 'Would be',
    width: 170,
    phone: true,
    value: ({ step }) => step,
    cell: ({ step }) => <Status of={stepWords[step][0]} word={stepWords[step][1]} />,
  },
  { id: 'agents', title: 'For agents', width: 100, align: 'end', largestFirst: true, value: ({ agents }) => agents },
];
const stepId = ({ model, node, step }: Step) => `${step} ${model} ${node}`;
export function ModelSteps({ steps }: { steps: Step[] }) {
  if (steps.length === 0) return null;
  return (
    <Panel title="Models that would come or go" bare>
      <VirtualTable<Step>
        id="plan-models"
        page="/placement"
        label="Models"
        rows={steps}
        rowId={stepId}
        columns={stepColumns}
        plain
      />
    </Panel>
  );
}

const moveColumns: Column<Move>[] = [
  { id: 'agent', title: 'Agent', width: 150, value: ({ agent }) => agent },
  { id: 'from', title: 'From', width: 120, phone: true, value: ({ from }) => from },
  {
    id: 'to',
    title: 'To',
    width: 120,
    phone: true,
    value: ({ to }) => to,
    cell: ({ to }) =>
      to ? (
        <Link to="/nodes/$node" params={{ node: to }}>
          {to}
        </Link>
      ) : (
        <Status of="unplaced" word="nowhere" />
      ),
  },
  { id: 'model', title: 'With', width: 150, value: ({ model }) => model },
];
const moveId = ({ agent }: Move) => agent;
export function Moves({ plan }: { plan: WhatIfPlan }) {
  const { moves, moved, displaced, placed } = plan;
  if (moves.length === 0) return null;
  const all = moved + displaced + placed;
  const title =
    moved + displaced === 0 ? 'Where the added agents go' : placed > 0 ? 'Who moves, who comes' : 'Who moves';
  return (
    <Panel
      title={title}
      bare
      aside={all > moves.length && <span className="dim small">{`${count(moves.length)} of ${count(all)}`}</span>}
    >
      <VirtualTable<Move>
        id="plan-moves"
        page="/placement"
        label="Moves"
        rows={moves}
        rowId={moveId}
        columns={moveColumns}
        plain
      />
    </Panel>
  );
}
