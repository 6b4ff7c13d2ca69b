// The scores of nodes side by side: a bar is the part of the largest possible score; equal scores are folded away.
import type { NodeScore } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { Button } from '../../kit/button.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { mostly, type ScoreRow, scoreRows } from './why.ts';

export function WhyScores({ nodes, pin }: { nodes: readonly NodeScore[]; pin: (node: string) => ReactNode }) {
  const [all, setAll] = useState(false);
  const [points, setPoints] = useState(false);
  const [first] = nodes;
  if (!first) return null;
  const rows = scoreRows(nodes);
  const deciding = rows.filter(({ decides }) => decides);
  // One node alone, or all alike: nothing decides, everything is worth a look.
  const shown = all || deciding.length === 0 ? rows : deciding;
  const lines = shown.map((row) => lineOf(row, points));
  if (nodes.length > 1) lines.push(reasonsOf(first, nodes, pin));
  const columns: PlainColumn<Line>[] = [
    { title: 'Score', cell: ({ head }) => head },
    ...nodes.map((node, i) => ({
      title: node.node,
      head: <Head node={node} lead={i > 0 ? node.score - first.score : null} points={points} />,
      className: i === 0 ? 'why-first' : '',
      cell: (line: Line) => line.cell(i),
    })),
  ];
  return (
    <>
      <PlainTable label="Scores" className="why-table" columns={columns} rows={lines} rowId={({ id }) => id} />
      <p className="why-same small dim row wrap">
        <span>A longer bar speaks for the node. The longest bars together decide.</span>
        <Button look="quiet" aria-expanded={points} onClick={() => setPoints(!points)}>
          {points ? 'Hide the points' : 'Details'}
        </Button>
      </p>
      {deciding.length > 0 && deciding.length < rows.length && (
        <p className="why-same small dim row wrap">
          <span>
            The same for all of them:{' '}
            {rows
              .filter(({ decides }) => !decides)
              .map(({ name }) => name)
              .join(', ')}
            .
          </span>
          <Button look="quiet" onClick={() => setAll(!all)}>
            {all ? 'Leave them out' : 'Show them too'}
          </Button>
        </p>
      )}
    </>
  );
}

/** One row of the table. */
interface Line {
  id: string;
  head: ReactNode;
  /** What it says of a node, by the node's place. */
  cell(at: number): ReactNode;
}

function Head({ node, lead, points }: { node: NodeScore; lead: number | null; points: boolean }) {
  return (
    <>
      <Link to="/nodes/$node" params={{ node: node.node }}>
        {node.node}
      </Link>
      <span className="small dim why-under">
        {node.isHere ? 'it is here, ' : ''}
        {node.model}
      </span>
      {points && (
        <span className="figure why-under">
          {node.score.toFixed(1)}
          {lead !== null && <span className="dim"> {signed(lead)}</span>}
        </span>
      )}
    </>
  );
}

function lineOf({ name, weight, cells }: ScoreRow, points: boolean): Line {
  const best = Math.max(...cells.map((cell) => cell?.points ?? 0));
  return {
    id: name,
    head: (
      <>
        {name}
        {points && <span className="small dim">at most {weight} points</span>}
      </>
    ),
    cell: (at) => <Score cell={cells[at] ?? null} best={best} points={points} />,
  };
}

function Score({ cell, best, points }: { cell: ScoreRow['cells'][number]; best: number; points: boolean }) {
  if (cell === null) return <span className="dim">–</span>;
  return (
    <>
      <span className="row">
        <span className="bar grow" aria-hidden="true">
          <span className={cell.points >= best - 0.05 ? 'good' : 'info'} style={{ width: `${cell.share * 100}%` }} />
        </span>
        {points && <span className="figure small why-points">{cell.points.toFixed(1)}</span>}
      </span>
      <span className="small dim why-because">{cell.text}</span>
    </>
  );
}

/** What sets each of the other nodes apart from the first. */
function reasonsOf(first: NodeScore, nodes: readonly NodeScore[], pin: (node: string) => ReactNode): Line {
  return {
    id: 'mostly',
    head: (
      <>
        Mostly because
        <span className="small dim">what sets it apart from {first.node}</span>
      </>
    ),
    cell: (at) => {
      const node = nodes[at] as NodeScore;
      const part = at === 0 ? null : mostly(first, node);
      return (
        <>
          <span className="why-because small">
            {part ? `${part.name}: ${part.text}` : at > 0 ? 'the same in everything' : ''}
          </span>
          {at > 0 && pin(node.node)}
        </>
      );
    },
  };
}

const signed = (gap: number) => `${gap >= 0 ? '+' : '−'}${Math.abs(gap).toFixed(1)}`;
